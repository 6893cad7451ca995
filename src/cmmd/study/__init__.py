"""The user study: a blinded page for raters, and the statistics of their answers (paper: the user study, figure 5)."""
