"""What is wrong with media files, found before a week of training is spent on them."""
