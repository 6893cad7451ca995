"""Mistakes in what a folder of results takes for done, and in the sound that is delivered."""

from mutant import Mutant

# A table: the mistake and its file, what is replaced, by what, and which tests catch it.
# fmt: off

RECORD, MAKING, PLAN = "generation/folders/record.py", "generation/folders/making.py", "generation/folders/plan.py"
UNIT, RUN, GIVEN = "generation/folders/one_clip.py", "generation/folders/run.py", "generation/folders/given_clips.py"
MASTERING, LOUDNESS, STEREO = "clips/mastering.py", "clips/loudness.py", "clips/stereo.py"
CUT, SIDE = "clips/cutting_out.py", "clips/side_streams.py"
IN_RECORD, IN_PLAN, IN_RUN, IN_GIVEN = (
    f"generation/folders/test_{name}.py" for name in ("record", "plan", "run", "given_clips")
)
IN_MASTERING, IN_LOUDNESS = "clips/test_mastering.py", "clips/test_loudness.py"

MUTANTS = (
    Mutant("a result is known by its name alone", RECORD,
           " if line.files.result_file.is_of(path)]", "]", IN_RECORD, "describes"),
    Mutant("a changed file of the same size is the same", RECORD,
           "or Fingerprint.of(path).sha256 == self.sha256)", "or True)", IN_RECORD, "describes"),
    Mutant("half a line is continued", RECORD,
           "            _cut_off_half_a_line(file)\n", "", IN_RECORD, "half"),
    Mutant("the newest line alone counts", PLAN,
           "            differs = differs or difference\n", "            differs = difference\n            break\n",
           IN_PLAN, "two_ways"),
    Mutant("a changed input is done", MAKING,
           "or not line.files.input_file.is_of(clip.source):", "or False:", IN_PLAN, "changed_input"),
    Mutant("another model is done", MAKING,
           "if line.generator.model_sha256 != self.model_sha256:", "if False:", IN_PLAN, "another_model"),
    Mutant("another seed is done", MAKING,
           "if not seed <= line.seed < seed + (outputs.takes if outputs.best else 1):", "if False:",
           IN_PLAN, "other_settings"),
    Mutant("another stretch is done", MAKING,
           "not same_stretch or", "", IN_PLAN, "another_stretch"),
    Mutant("settings that are newer make all again", MAKING,
           "before, now = DEFAULTS | line.settings,", "before, now = dict(line.settings),", IN_PLAN, "newer"),
    Mutant("one take of several is enough", PLAN,
           "len(lines) == len(one.outs)", "lines", IN_PLAN, "more_takes"),
    Mutant("a missing picture does not matter", PLAN,
           "if drawn and len(lines)", "if len(lines)", IN_PLAN, "missing_picture"),
    Mutant("a stretch has the sound of another file", PLAN,
           "if clip.other_sound and (", "if False and (", IN_PLAN, "another_file"),
    Mutant("a result has no line", UNIT,
           "    record.append([line for line, _ in finished])\n", "", IN_RUN, "made_once"),
    Mutant("what a kill left stays", RUN,
           "        clear_unfinished(out)\n", "", IN_RUN, "interrupted"),
    Mutant("a full disk does not end the run", RUN,
           "if _is_full(result):", "if False:", IN_RUN, "full_disk"),
    Mutant("files that are named leave a record", "commands/generate.py",
           "    if _many(inputs, manifest):\n", "    if given:\n", "test_cli.py", "named_files"),
    Mutant("the folder of the results is an input", GIVEN,
           "and not (inside and name.is_relative_to(inside))", "", IN_GIVEN, "no_input"),
    Mutant("what is kept is mixed twice", MASTERING,
           "mixed += (1 - source_weight) * 10", "mixed += 10", IN_MASTERING, "twice"),
    Mutant("ducked where nothing is heard", MASTERING,
           "mastering.duck * _heard((1 - source_weight) * generated[0])", "mastering.duck", IN_MASTERING, "ducking"),
    Mutant("a level in dB is one of power", MASTERING,
           "* 10 ** (level / 20) * original", "* 10 ** (level / 10) * original", IN_MASTERING, "mixed_in"),
    Mutant("a loud mix is cut off", MASTERING,
           "if peak <= LOUDEST:", "if peak <= 1e9:", IN_MASTERING, "turned_down"),
    Mutant("peaks are not limited", LOUDNESS,
           "if before.true_peak + gain <= CEILING:", "if True:", IN_LOUDNESS, "target_is_reached"),
    Mutant("the first gain has to do", LOUDNESS,
           "        if best[0] <= EXACT:\n            break\n", "        break\n", IN_LOUDNESS, "target_is_reached"),
    Mutant("both sides are the left one", STEREO,
           "mix = StereoSide(side)", "mix = StereoSide(0)", "clips/test_stereo.py", "sides_stay"),
    Mutant("a stretch begins with the file", CUT,
           "sound = read_stereo(source, start=begin, seconds=span)\n    cut",
           "sound = read_stereo(source, seconds=span)\n    cut", "clips/test_cutting_out.py", "in_time"),
    Mutant("the old sound is played by default", "clips/encoding.py",
           "        if title is None:\n            stream.disposition = Disposition.default\n        else:",
           "        stream.disposition = Disposition.default\n        if title is not None:",
           "clips/test_second_track.py", "encoded"),
)
