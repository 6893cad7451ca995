"""Mistakes in the coupled U-Net: its blocks, fusion, stages, and who hears whom."""

from mutant import Mutant

# A table: the mistake and its file, what is replaced, by what, and which tests catch it.
# fmt: off

BLOCKS, COUPLED, EXCHANGE = "models/blocks.py", "models/coupled_unet.py", "models/exchange.py"
EASY, STAGED, AUDIO, VIDEO = (
    "models/easy_fusion.py",
    "models/staged_unet.py",
    "models/audio_unet.py",
    "models/video_unet.py",
)
IN_BLOCKS, IN_COUPLED, IN_CONDITIONS = (
    "models/test_blocks.py",
    "models/test_coupled_unet.py",
    "models/test_conditions.py",
)
IN_LISTENING, IN_LITERAL = "models/test_listening.py", "models/test_literal_parts.py"

OF_THE_BLOCKS = (
    Mutant("grids are reached by repeating the whole", BLOCKS,
           "x.repeat_interleave(length // time, dim=-1)", "x.repeat(1, 1, length // time)", IN_BLOCKS),
    Mutant("angles in half precision", BLOCKS,
           "t = t.to(torch.promote_types(dtype, torch.float32))", "t = t.to(dtype)", IN_BLOCKS),
    Mutant("sinusoids of t, not of 1000 t", BLOCKS,
           "angles = 1000.0 * t[..., None]", "angles = t[..., None]", IN_BLOCKS),
    Mutant("scale without its one", BLOCKS,
           "self.norm2(h), 1 + scale)", "self.norm2(h), scale)", IN_LITERAL),
    Mutant("scale and shift change places", BLOCKS,
           "scale, shift = (over_positions", "shift, scale = (over_positions", IN_LITERAL),
    Mutant("no nonlinearity before the second convolution", BLOCKS,
           "h = F.silu(torch.addcmul(shift, self.norm2(h), 1 + scale))",
           "h = torch.addcmul(shift, self.norm2(h), 1 + scale)", IN_LITERAL),
    Mutant("a residual block without its skip", BLOCKS,
           "out = self.skip(x) + self.conv2(h)", "out = self.conv2(h)", IN_LITERAL),
    Mutant("convolution along time after the second one", BLOCKS,
           "out + self.conv_time(h)", "out + self.conv_time(out)", IN_LITERAL),
    Mutant("attention without its skip", BLOCKS,
           "return x + rearrange(self.to_out(attended)", "return rearrange(self.to_out(attended)", IN_BLOCKS),
    Mutant("attention without its norm", BLOCKS,
           "self.to_qkv(self.norm(tokens))", "self.to_qkv(tokens)", "models/test_learning.py", "every_parameter"),
    Mutant("heads are joined without their order", BLOCKS,
           ".transpose(1, 2).flatten(2)\n        sizes", ".reshape(tokens.shape)\n        sizes", IN_LITERAL),
    Mutant("attention over frames mixes positions", BLOCKS,
           '"(b h w) f c"', '"b (h w f) c"', IN_BLOCKS),
    Mutant("taps of time the wrong way round", BLOCKS,
           "[padded[:, :-2], padded[:, 1:-1], padded[:, 2:]]",
           "[padded[:, 2:], padded[:, 1:-1], padded[:, :-2]]", IN_BLOCKS),
    Mutant("taps of the 2 x 2 grid upside down", BLOCKS,
           "(q // 2 - p // 2 + 1) * 3", "(p // 2 - q // 2 + 1) * 3", IN_BLOCKS),
    Mutant("branches are not closed at first", BLOCKS,
           "    nn.init.zeros_(module.weight)\n", "", IN_COUPLED, "fresh"),
    Mutant("halving by one of four", BLOCKS,
           "F.avg_pool2d(x.flatten(1, -3), 2)", "x.flatten(1, -3)[..., ::2, ::2]", IN_BLOCKS),
)

OF_THE_STREAMS = (
    Mutant("skips kept before hearing", COUPLED,
           "keep_skip(index, state._replace(features=features))",
           "keep_skip(index, state)._replace(features=features)", IN_LISTENING),
    Mutant("a clean stream hears", COUPLED,
           "return generates if hears is None else hears & generates",
           "return generates if hears is None else hears", IN_LISTENING, "loops"),
    Mutant("a clean stream hears unless told", COUPLED,
           "return generates if hears is None else hears & generates",
           "return torch.ones_like(generates) if hears is None else hears & generates",
           IN_CONDITIONS, "does_not_hear or agree"),
    Mutant("one clean frame makes a stream deaf", COUPLED,
           "(t != 0).any(dim=1)", "(t != 0).all(dim=1)", IN_COUPLED, "only_speaks"),
    Mutant("a condition is encoded as noise", COUPLED,
           "t = torch.zeros(len(latents)", "t = torch.ones(len(latents)", IN_CONDITIONS, "agree"),
    Mutant("sound hears what the picture says after hearing", COUPLED,
           '            from_video = _spoken(fusion, seen, by_audio.listening, speaker="video")\n'
           '            from_audio = _spoken(fusion, heard, by_video.listening, speaker="audio")\n'
           '            seen = self._hear(index, seen, from_audio, by_video.hears, hearer="video")\n',
           '            from_audio = _spoken(fusion, heard, by_video.listening, speaker="audio")\n'
           '            seen = self._hear(index, seen, from_audio, by_video.hears, hearer="video")\n'
           '            from_video = _spoken(fusion, seen, by_audio.listening, speaker="video")\n', IN_LISTENING),
    Mutant("times of the streams change places", COUPLED,
           "t_video, t_audio = (_frame_times(t, video.shape[2]) for t in (t_video, t_audio))",
           "t_audio, t_video = (_frame_times(t, video.shape[2]) for t in (t_video, t_audio))", IN_COUPLED, "own_time"),
    Mutant("hearing of the streams changes places", COUPLED,
           "by_video = Heard(self._hearing(t_video, video_hears)",
           "by_video = Heard(self._hearing(t_video, audio_hears)", IN_COUPLED, "masks"),
    Mutant("no time a frame", COUPLED,
           '        raise ValueError(f"times have shape {tuple(t.shape)}, expected one an item or one for '
           'each of {frames} frames")\n'
           "    return t\n",
           '        raise ValueError(f"times have shape {tuple(t.shape)}")\n    return t[:, :1].expand(-1, frames)\n',
           IN_COUPLED, "that_time"),
    Mutant("speakers slice dropped", COUPLED,
           "state.features[: listening.speakers]", "state.features", IN_LISTENING,
           reason="The messages of rows beyond the speakers are made and then chosen by nobody: the slice "
                  "saves work alone."),
    Mutant("takes of conditions in turn, not in a row", EXCHANGE,
           "message.repeat_interleave(times, dim=0)",
           "message.repeat(times, *(1,) * (message.ndim - 1))", IN_CONDITIONS, "repeated"),
    Mutant("block j goes to place order[j]", EXCHANGE,
           "index = order.view(", "index = order.argsort(dim=1).view(", IN_CONDITIONS, "reordered or listener"),
    Mutant("a listener hears the item of its number", EXCHANGE,
           "reordered(message.index_select(0, self.speaker), self.order)",
           "reordered(message[torch.arange(len(self.speaker)) % len(message)], self.order)", IN_CONDITIONS, "listener"),
    Mutant("everybody hears", EASY,
           "heard = torch.where(hears[:, None, None, None], heard, 0.0)", "heard = heard * 1.0", IN_COUPLED, "masks"),
    Mutant("hearing is a product", EASY,
           "torch.where(hears[:, None, None, None], heard, 0.0)",
           "heard * hears[:, None, None, None]", IN_COUPLED, "infinite"),
    Mutant("time folds the wrong way round", EASY,
           '"b d (time down) -> b (d down) time"', '"b d (down time) -> b (d down) time"', IN_LITERAL),
    Mutant("time unfolds the wrong way round", EASY,
           '"b (d up) time -> b d (time up)"', '"b (d up) time -> b d (up time)"', IN_LITERAL),
    Mutant("what is heard is turned over in the picture", EASY,
           '"b c (h w) f -> b c f h w"', '"b c (w h) f -> b c f h w"', IN_LISTENING),
    Mutant("a message that knows no positions", EASY,
           'if reduction == "positions":', "if False:", IN_COUPLED, "positions"),
    Mutant("hearing without its nonlinearity", EASY,
           "self.project(nn.functional.silu(heard))", "self.project(heard)", IN_LITERAL),
    Mutant("a message without its norm", EASY,
           "self.project(self.norm(sequence))", "self.project(sequence)", "models/test_learning.py", "every_parameter"),
)

OF_THE_UNETS = (
    Mutant("skips are joined first in, first out", STAGED,
           "skips, skip = skips[:-1], skips[-1]", "skips, skip = skips[1:], skips[0]", IN_LISTENING),
    Mutant("plans take skips from the front", STAGED,
           "skips.pop()", "skips.pop(0)", IN_BLOCKS, "plans"),
    Mutant("attention at the other levels", STAGED,
           "if plan.level in network.attention_levels", "if plan.level not in network.attention_levels", IN_LITERAL),
    Mutant("attention before the residual block", STAGED,
           "self.attention(self.block(x, embedding))",
           "self.block(self.attention(x) if x.shape[1] == self.plan.channels_out else x, embedding)", IN_LITERAL),
    Mutant("low and high frequencies alike", AUDIO,
           "torch.linspace(-1.0, 1.0, bins,", "torch.linspace(1.0, 1.0, bins,", IN_LITERAL),
    Mutant("sound's head without its norm", AUDIO,
           "self.head(F.silu(self.norm_out(state.features)))", "self.head(F.silu(state.features))", IN_LITERAL),
    Mutant("picture's head without its norm", VIDEO,
           "self.head(F.silu(self.norm_out(state.features)))", "self.head(F.silu(state.features))", IN_LITERAL),
    Mutant("more blocks of time than frames", "models/network_config.py",
           "return min(frames, int(frames * self.time_rate(modality, self.levels - 1)))",
           "return int(frames * self.time_rate(modality, self.levels - 1))", "models/test_network_config.py"),
    Mutant("clips that do not divide are let in", "models/network_config.py",
           '("spectrogram frames", columns, self.patch * halvings)',
           '("spectrogram frames", columns, self.patch)',
           "models/test_network_config.py models/test_coupled_unet.py", "divide"),
)

MUTANTS = (*OF_THE_BLOCKS, *OF_THE_STREAMS, *OF_THE_UNETS)
