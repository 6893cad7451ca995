"""Mistakes in training clips, in their order and statistics, and in the pipeline that generates."""

from mutant import Mutant

# A table: the mistake and its file, what is replaced, by what, and which tests catch it.
# fmt: off

ORDER, ENCODED, PREPARED = "data/order.py", "data/encoded_clips.py", "data/prepared_clips.py"
STATISTICS, LATENT, PIPELINE = "data/statistics.py", "latent_pipeline.py", "pipeline.py"
TAKES = "take_generation.py"
IN_ORDER, IN_CROPS, IN_PREPARED = "data/test_order.py", "data/test_crops.py", "data/test_prepared_clips.py"
IN_PIPELINE = "test_pipeline.py"
AGREEMENT, LEVEL = "measures/agreement.py", "latents/level.py"
EVENTS, EVENT_TRAINING, START = "latents/event_encoder.py", "recipes/events.py", "recipes/starting_model.py"
AUTOENCODER, IN_EVENTS = "latents/video_autoencoder.py", "latents/test_event_encoder.py"
IN_TRAINING = "recipes/test_events.py"
MESSAGES, COUPLED = "models/event_messages.py", "models/coupled_unet.py"
IN_MESSAGES = "models/test_event_channels.py"

OF_THE_CLIPS = (
    Mutant("epoch order without the seed", ORDER,
           "(seed * 1_000_003 + epoch)", "(epoch)", IN_ORDER),
    Mutant("the same order every epoch", ORDER,
           "(seed * 1_000_003 + epoch)", "(seed * 1_000_003)", IN_ORDER),
    Mutant("a batch does not reach into the next epoch", ORDER,
           "orders[int(place // clips)][place % clips]", "orders[int(position[0] // clips)][place % clips]", IN_ORDER),
    Mutant("a mixture's sets go in step", ORDER,
           "seed=seed + 1_000 * (chosen + 1)", "seed=seed", IN_ORDER),
    Mutant("a mixture's sets begin anew every epoch", ORDER,
           "own = epoch * shares[chosen] + entry", "own = entry", IN_ORDER),
    Mutant("a mixture without weights", ORDER,
           "sum(sizes) * weight / sum(weights)", "sum(sizes) / len(weights)", IN_ORDER),
    Mutant("sound in memory from the clip's start", ENCODED,
           "[..., first * each : (first + frames) * each]", "[..., : frames * each]", IN_CROPS, "stretch"),
    Mutant("the last place is never cut in memory", ENCODED,
           "(available - frames + 1)).long()", "(available - frames)).long()", IN_CROPS, "stretch"),
    Mutant("held-out clips have statistics of their own", ENCODED,
           "replace(trained, video=self.video[first:], audio=self.audio[first:])",
           "EncodedClips.of(self.video[first:], self.audio[first:])", "data/test_encoded_clips.py", "held_out"),
    Mutant("held-out clips are trained on", ENCODED,
           "EncodedClips.of(self.video[:first], self.audio[:first])",
           "EncodedClips.of(self.video, self.audio)", "data/test_encoded_clips.py", "held_out"),
    Mutant("files are read under any key", ENCODED,
           'if (file.metadata() or {}).get("key") != key:', "if False:", "data/test_encoded_clips.py", "key_only"),
    Mutant("prepared audio always from the clip's start", PREPARED,
           "[:, :, first * each : (first + frames) * each]", "[:, :, : frames * each]", IN_CROPS, "stretch"),
    Mutant("the last place is never cut from shards", PREPARED,
           "int(share * (place.frames - frames + 1))", "int(share * (place.frames - frames))", IN_CROPS, "stretch"),
    Mutant("every clip is cut at the first one's place", PREPARED,
           "first = int(share * (place", "first = int(where[0] * (place", IN_CROPS, "cut_apart"),
    Mutant("mirrors above one half", PREPARED,
           "(mirror < 0.5).tolist()", "(mirror > 0.5).tolist()", IN_CROPS, "mirrors"),
    Mutant("mirrors where none are asked for", PREPARED,
           "if self.mirror and mirror is not None", "if mirror is not None", IN_CROPS, "mirrors"),
    Mutant("clips of all splits", PREPARED,
           " if c.split == split]", "]", IN_PREPARED, "split"),
    Mutant("a mixture's sets keep their statistics", PREPARED,
           "video_statistics=video, audio_statistics=audio).alike()\n\n    def alike",
           "video_statistics=video, audio_statistics=audio)\n\n    def alike", IN_CROPS, "mixture"),
    Mutant("a mixture's picture is standardised without weights", PREPARED,
           "[part.video_statistics for part in sets], weights)",
           "[part.video_statistics for part in sets], [1.0] * len(sets))", IN_CROPS, "by_its_weights"),
    Mutant("a mixture shows no mirrors", PREPARED,
           "mirror=None if mirror is None else mirror[[item]]", "mirror=None", IN_CROPS, "mirrors"),
    Mutant("a mixture is cut at the first one's place", PREPARED,
           "start=start[[item]]", "start=start[:1]", IN_CROPS, "cut_apart"),
    Mutant("deviation around zero", STATISTICS,
           "(squares.double().mean(0) - mean.square())", "squares.double().mean(0)", IN_CROPS, "every_value"),
    Mutant("deviation of a mixture without that of its means", STATISTICS,
           "(shares * (means.square() + stds.square())).sum(0) - mean.square()",
           "(shares * stds.square()).sum(0)", IN_CROPS, "by_its_weights"),
    Mutant("standardised by the mean alone", STATISTICS,
           "return (x - mean) / std", "return x - mean", IN_CROPS, "stretch"),
    Mutant("both standardisations dropped", STATISTICS,
           "        return (x - mean) / std\n"
           "\n"
           '    def restore(self, x: Float[Tensor, "b c ..."]) -> Float[Tensor, "b c ..."]:\n'
           '        """The inverse of `standardise`."""\n'
           "        mean, std = self._like(x)\n"
           "        return x * std + mean\n",
           "        return x\n"
           "\n"
           '    def restore(self, x: Float[Tensor, "b c ..."]) -> Float[Tensor, "b c ..."]:\n'
           '        """The inverse of `standardise`."""\n'
           "        mean, std = self._like(x)\n"
           "        return x\n", IN_PIPELINE, "standardised"),
)

OF_THE_GENERATION = (
    Mutant("picture is not standardised", LATENT,
           'self.statistics["video"].standardise(latents.to(self.device))',
           "latents.to(self.device)", IN_PIPELINE, "standardised"),
    Mutant("sound is not standardised", LATENT,
           'self.statistics["audio"].standardise(spectrogram.to(self.device))',
           "spectrogram.to(self.device)", IN_PIPELINE, "standardised"),
    Mutant("sound is not restored", LATENT,
           'self.statistics["audio"].restore(standardised.float().cpu())',
           "standardised.float().cpu()", IN_PIPELINE, "standardised"),
    Mutant("picture is not restored", LATENT,
           "statistics.restore(standardised.float())",
           "standardised.float()", IN_PIPELINE, "standardised"),
    Mutant("one noise for both modalities", LATENT,
           'offset = 0 if modality == "video" else 1', "offset = 0", IN_PIPELINE, "own"),
    Mutant("sound's noise is the next take's picture's", LATENT,
           "manual_seed(2 * (seed + item) + offset)", "manual_seed(seed + item + offset)", IN_PIPELINE, "own"),
    Mutant("one noise for all takes", LATENT,
           "manual_seed(2 * (seed + item) + offset)", "manual_seed(2 * seed + offset)", IN_PIPELINE, "own"),
    Mutant("phase seed ignored", LATENT,
           "torch.Generator().manual_seed(seed + index)", "torch.Generator().manual_seed(0)", IN_PIPELINE, "phases"),
    Mutant("phases of all takes alike", LATENT,
           "torch.Generator().manual_seed(seed + index)", "torch.Generator().manual_seed(seed)", IN_PIPELINE, "phases"),
    Mutant("loud sound is cut off at 1", LATENT,
           "waveform * (LOUDEST / peak)", "waveform.clamp(-1, 1)", IN_PIPELINE, "turned_down"),
    Mutant("quiet sound is made loud", LATENT,
           "return waveform if peak <= LOUDEST else waveform", "return waveform", IN_PIPELINE, "phases or quiet"),
    Mutant("a short clip holds its first frame", TAKES,
           "np.repeat(frames[-1:], missing, axis=0)", "np.repeat(frames[:1], missing, axis=0)", IN_PIPELINE, "shorter"),
    Mutant("takes decoded from one seed", TAKES,
           "seed=self.options.seed + take)[0", "seed=self.options.seed)[0", IN_PIPELINE, "takes_are_seeds"),
    Mutant("takes tell one seed", TAKES,
           "seed=self.options.seed + take,", "seed=self.options.seed,", IN_PIPELINE, "takes_are_seeds"),
    Mutant("a take is made from the first one's noise", TAKES,
           "noise[[take]] for", "noise[:1] for", IN_PIPELINE, "inaudible"),
    Mutant("a silent take is made with the same guidance", TAKES,
           "generate(take, UNSURE_GUIDANCE)", "generate(take, usual)", IN_PIPELINE, "inaudible"),
    Mutant("the model's own guidance is not asked", LATENT,
           "config.guidance_for(direction, self.usual_guidance)", "config.guidance_for(direction)",
           IN_PIPELINE, "own_guidance"),
    Mutant("the model's own guidance is not saved", "model_folder.py",
           "(*VALUES, *OPTIONAL_VALUES) if name in index", "VALUES", IN_PIPELINE, "own_guidance"),
    Mutant("a take is made again in spite of a guidance", TAKES,
           " and self.options.sampling.guidance is None", "", IN_PIPELINE, "inaudible"),
    Mutant("a take is made again by a model that cannot do without hearing", TAKES,
           "return free and not self.pipeline.unet.network.shared_time", "return free",
           "recipes/test_mm_diffusion.py", "silent_take"),
    Mutant("kept sound counts as generated", TAKES,
           "_inaudible(waveform, stays)", "_inaudible(waveform, None)", "test_continuation.py", "silence"),
    Mutant("a short sound stands at the end", TAKES,
           "(0, padded - len(clip.waveform))",
           "(padded - len(clip.waveform), 0)", IN_PIPELINE, "shorter or audio_to_video_is"),
    Mutant("picture for the whole frames of a sound alone", PIPELINE,
           "frames = -(-len(clip.waveform) // self.geometry.samples_per_frame)",
           "frames = max(1, len(clip.waveform) // self.geometry.samples_per_frame)", IN_PIPELINE, "covers"),
    Mutant("joint length rounded down", PIPELINE,
           "max(1, -int(-seconds * self.geometry.fps // 1))",
           "max(1, int(seconds * self.geometry.fps))", IN_PIPELINE, "joint_makes"),
    Mutant("a pipeline is always of v-prediction", "saved_pipeline.py",
           "scheduler_config(prediction_type))", "scheduler_config())", IN_PIPELINE, "epsilon"),
    Mutant("guidance settings do not reach joint sampling", TAKES,
           "sample_joint(start, sampling, kept", "sample_joint(start, kept", IN_PIPELINE, "joint_is"),
    Mutant("settings do not reach sampling under a condition", TAKES,
           "self.options.direction, sampling, kept", "self.options.direction, kept", IN_PIPELINE, "audio_to_video_is"),
    Mutant("a score against the own condition", AGREEMENT,
           "turn=turn) for turn in range(SHIFTS)]", "turn=0) for turn in range(SHIFTS)]", "measures/test_agreement.py"),
    Mutant("a score of the first window", AGREEMENT,
           "by_window[0].sum(dim=0)", "by_window[0][0]", "measures/test_agreement.py"),
    Mutant("dense sound stays dense", LEVEL,
           "if mean_level(factor * mel) > densest:", "if False:", "latents/test_level.py"),
    Mutant("faint sound stays faint", LEVEL,
           "loudest_moment(mel) < faintest:", "False:", "latents/test_level.py"),
    Mutant("what is generated stays at the model's level", TAKES,
           "np.float32(self.pipeline.gain(", "np.float32(1 + 0 * self.pipeline.gain(", "test_continuation.py", "faint"),
)

OF_THE_EVENTS = (
    Mutant("differences that are not normalised", EVENTS,
           "(change / rms).clamp", "change.clamp", IN_EVENTS),
    Mutant("the previous difference twice", EVENTS,
           "change[:, :, :-1], change[:, :, 1:]], dim=1", "change[:, :, :-1], change[:, :, :-1]], dim=1", IN_EVENTS),
    Mutant("chunks without a margin", AUTOENCODER,
           "first = max(0, start - reach)", "first = start", IN_EVENTS, "chunks"),
    Mutant("logits that are not clamped", "latents/event_autoencoder.py",
           ".clamp(SMALLEST_LOGIT, LARGEST_LOGIT)", "", IN_EVENTS, "logits"),
    Mutant("the curve always from the clip's start", EVENT_TRAINING,
           "targets[index, start * bins : (start + crop) * bins]", "targets[index, : crop * bins]",
           IN_TRAINING, "crop"),
    Mutant("the model starts untrained", START,
           "network.state_dict() | start.unet.state_dict()", "network.state_dict()", IN_TRAINING, "goes_on"),
    Mutant("events are heard from noisy frames", MESSAGES,
           "torch.where((t == 0)[:, None], events.mean((3, 4)), 0.0)", "events.mean((3, 4))", IN_MESSAGES, "noisy"),
    Mutant("events start with an effect", MESSAGES,
           "zero_initialised(nn.Conv1d(WIDTH, width, 3, padding=1, bias=False))",
           "nn.Conv1d(WIDTH, width, 3, padding=1, bias=False)", IN_MESSAGES, "unchanged"),
    Mutant("wrong conditions have the right events", COUPLED,
           "return message if listening is None else listening.of(message)",
           "return message if listening is None else message", IN_MESSAGES, "reordered"),
    Mutant("the solver gets the events of kept frames", TAKES,
           "[:, :channels]", "", IN_MESSAGES, "kept"),
    Mutant("all weights are trained with the events", START,
           "network.requires_grad_(False)", "pass", IN_TRAINING, "only_what"),
    Mutant("statistics of the clips for all channels", START,
           "known.mean[:pictures] + of_clips.mean[pictures:]", "of_clips.mean", IN_TRAINING, "goes_on"),
    Mutant("statistics of the events of another encoder", START,
           "if not new_events:", "if len(known.mean) == len(of_clips.mean):", IN_TRAINING, "goes_on"),
    Mutant("training goes on with any latents", START,
           "and weights_hash(chosen.pictures) == weights_hash(pictures)", "", IN_TRAINING, "other_latents"),
)

MUTANTS = (*OF_THE_CLIPS, *OF_THE_GENERATION, *OF_THE_EVENTS)
