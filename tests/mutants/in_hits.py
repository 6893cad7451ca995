"""Mistakes in the hits world and its pictures: times, movement, sound, drawing."""

from mutant import Mutant

# A table: the mistake and its file, what is replaced, by what, and which tests catch it.
# fmt: off

HITS = "data/world/hits/"
IN_SOUND, IN_MOTION = "data/test_hits_sound.py", "data/test_hits_motion.py"
IN_DRAWING, IN_WORLD = "data/test_hits_drawing.py", "data/test_hits_world.py"
MUTANTS = (
    Mutant("blows sound late", HITS + "soundtrack.py",
           "hardness=sounding.hardness), time)", "hardness=sounding.hardness), time + 0.06)", IN_SOUND, "clean"),
    Mutant("events of before the cut are told", HITS + "soundtrack.py",
           "if time >= heard.start:", "if time >= 0:", IN_SOUND, "cut"),
    Mutant("a thing changes its pitch from blow to blow", HITS + "bodies.py",
           "wave = np.sin((2 * np.pi * frequency) * t + phase)",
           "wave = np.sin((2 * np.pi * frequency * rng.uniform(0.9, 1.1)) * t + phase)", IN_SOUND, "pitch"),
    Mutant("force is not heard", HITS + "bodies.py",
           "np.float32(0.5 * strength) * sound", "np.float32(0.5) * sound", IN_SOUND, "louder"),
    Mutant("large things sound high", HITS + "bodies.py",
           "np.log(LARGEST / np.clip(size, SMALLEST, LARGEST))",
           "np.log(np.clip(size, SMALLEST, LARGEST) / SMALLEST)", IN_SOUND, "size"),
    Mutant("the room delays the sound", HITS + "rooms.py",
           "    tail[0] = 1\n", "    tail[160] = 1\n", IN_SOUND, "delay"),
    Mutant("a stroke slows down before it touches", HITS + "stroke.py",
           "down = top * (1 - np.clip(1 - at.until / down_time, 0, 1) ** course.top_power)",
           "down = top * smooth(at.until / down_time)", IN_MOTION, "speed"),
    Mutant("rebounds faster than blows", HITS + "stroke.py",
           "back=np.minimum(back, fastest * up_time / back_power)", "back=back", IN_MOTION, "speed"),
    Mutant("the force of a blow is that of the next", HITS + "stroke.py",
           "course.top[:-1]) * np.exp", "course.top[1:]) * np.exp", IN_MOTION, "stronger"),
    Mutant("tools lean on the wrong side", HITS + "strikers.py",
           "flip = -1.0 if lean > 0 else 1.0", "flip = 1.0 if lean > 0 else -1.0", IN_MOTION, "tip"),
    Mutant("frames show the picture that comes next", HITS + "camera.py",
           "np.floor(np.arange(frames)", "np.ceil(np.arange(frames)", IN_MOTION, "picture"),
    Mutant("the camera shows what is beyond the backdrop", HITS + "camera.py",
           "limit = 0.5 * MARGIN", "limit = 1.5 * MARGIN", IN_MOTION, "margin"),
    Mutant("exposures of one moment", HITS + "stage.py",
           "range(frame * exposures, (frame + 1) * exposures)",
           "[frame * exposures] * exposures", IN_DRAWING, "blurred"),
    Mutant("opacity forgotten", HITS + "stage.py",
           "if opacity < 255:", "if opacity < 0:", IN_DRAWING, "opacity"),
    Mutant("decoys are heard", HITS + "scene.py",
           "        strike_air(rng, setting)\n",
           "        strike_air(rng, setting)\n        soundings += play(rng, setting)\n", IN_WORLD, "decoys"),
)
