//! A small formant synthesiser after Klatt (1980): a source of voice and a source of noise, a cascade of
//! resonators for the vocal tract, and a separate resonator for frication.

use crate::audio::RATE;
use crate::audio::labels::segments::Segment;
use plasticity_core::random::Random;
use rand::RngExt;
use std::f32::consts::PI;

/// The parameters of a phone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phone {
    /// The ARPABET name in lower case; `sil` is silence.
    pub name: &'static str,
    /// The formants F1 … F3 of a man's vocal tract, in Hz.
    pub formants: [f32; 3],
    /// The loudness of the voice.
    pub voice: f32,
    /// The loudness of the frication noise.
    pub noise: f32,
    /// The centre of the frication noise, in Hz.
    pub noise_centre: f32,
    /// Whether the phone is a stop: no noise during the first part, then a burst.
    pub stop: bool,
    /// The mean duration, in seconds.
    pub duration: f32,
}

const fn vowel(name: &'static str, formants: [f32; 3]) -> Phone {
    Phone { name, formants, voice: 1.0, noise: 0.0, noise_centre: 3000.0, stop: false, duration: 0.12 }
}

const fn consonant(
    name: &'static str,
    formants: [f32; 3],
    voice: f32,
    noise: f32,
    noise_centre: f32,
    stop: bool,
) -> Phone {
    Phone { name, formants, voice, noise, noise_centre, stop, duration: 0.09 }
}

/// The phones. Vowel formants are the means of men in Peterson & Barney (1952). The rest roughly follows
/// Klatt's (1980) tables.
pub const PHONES: [Phone; 18] = [
    vowel("iy", [270.0, 2290.0, 3010.0]),
    vowel("ih", [390.0, 1990.0, 2550.0]),
    vowel("eh", [530.0, 1840.0, 2480.0]),
    vowel("ae", [660.0, 1720.0, 2410.0]),
    vowel("aa", [730.0, 1090.0, 2440.0]),
    vowel("ao", [570.0, 840.0, 2410.0]),
    vowel("uw", [300.0, 870.0, 2240.0]),
    vowel("er", [490.0, 1350.0, 1690.0]),
    consonant("m", [250.0, 1100.0, 2150.0], 0.35, 0.0, 3000.0, false),
    consonant("n", [250.0, 1500.0, 2500.0], 0.35, 0.0, 3000.0, false),
    consonant("l", [330.0, 1050.0, 2800.0], 0.6, 0.0, 3000.0, false),
    consonant("s", [320.0, 1400.0, 2550.0], 0.0, 0.30, 6000.0, false),
    consonant("sh", [300.0, 1650.0, 2500.0], 0.0, 0.35, 3000.0, false),
    consonant("f", [340.0, 1100.0, 2100.0], 0.0, 0.10, 7200.0, false),
    consonant("z", [240.0, 1400.0, 2550.0], 0.25, 0.20, 5800.0, false),
    consonant("t", [400.0, 1600.0, 2600.0], 0.0, 0.45, 4500.0, true),
    consonant("k", [300.0, 1800.0, 2200.0], 0.0, 0.45, 1900.0, true),
    Phone {
        name: "sil",
        formants: [500.0, 1500.0, 2500.0],
        voice: 0.0,
        noise: 0.0,
        noise_centre: 3000.0,
        stop: false,
        duration: 0.15,
    },
];

/// The parameters of a speaker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voice {
    /// The mean pitch, in Hz.
    pub pitch: f32,
    /// The factor of all formants: 1 for a man's vocal tract, more for a shorter one.
    pub formant_scale: f32,
    /// The factor of all durations.
    pub pace: f32,
}

impl Voice {
    /// Draws a speaker. A shorter vocal tract has a higher pitch.
    pub fn draw(random: &mut Random) -> Self {
        let size: f32 = random.random_range(0.0..1.0);
        Self {
            pitch: 95.0 + 125.0 * size + random.random_range(-12.0..12.0),
            formant_scale: 0.95 + 0.22 * size + random.random_range(-0.03..0.03),
            pace: random.random_range(0.8..1.25),
        }
    }
}

/// A random sequence of phones that lasts `samples` samples. No phone follows itself.
pub fn script(voice: &Voice, samples: usize, random: &mut Random) -> Vec<Segment> {
    let (mut segments, mut at, mut last) = (Vec::new(), 0, usize::MAX);
    while at < samples {
        let phone = loop {
            let phone = random.random_range(0..PHONES.len());
            if phone != last {
                break phone;
            }
        };
        let duration = PHONES[phone].duration * voice.pace * random.random_range(0.6..1.5);
        let end = (at + ((duration * RATE as f32) as usize).max(1)).min(samples);
        segments.push(Segment { start: at as f64, end: end as f64, phone: Some(phone as u32) });
        (at, last) = (end, phone);
    }
    segments
}

/// A resonator: y[n] = A x[n] + B y[n−1] + C y[n−2] (Klatt 1980, Equation 1).
#[derive(Clone, Copy, Default)]
struct Resonator {
    one: f32,
    two: f32,
}

/// The coefficients (A, B, C) of a resonance with this `frequency` and `bandwidth`, in Hz. A makes the gain
/// at 0 Hz one.
fn resonance(frequency: f32, bandwidth: f32) -> [f32; 3] {
    let period = 1.0 / RATE as f32;
    let frequency = frequency.min(0.48 * RATE as f32);
    let c = -(-2.0 * PI * bandwidth * period).exp();
    let b = 2.0 * (-PI * bandwidth * period).exp() * (2.0 * PI * frequency * period).cos();
    [1.0 - b - c, b, c]
}

impl Resonator {
    fn step(&mut self, [a, b, c]: [f32; 3], input: f32) -> f32 {
        let output = a * input + b * self.one + c * self.two;
        (self.two, self.one) = (self.one, output);
        output
    }
}

/// Speaks `script`. Returns `samples` samples at 16 kHz, roughly within ±1.
pub fn speak(voice: &Voice, script: &[Segment], samples: usize, random: &mut Random) -> Vec<f32> {
    /// The time constant, in seconds, with which formants approach their targets (coarticulation).
    const GLIDE: f32 = 0.012;
    const BANDWIDTHS: [f32; 4] = [60.0, 90.0, 150.0, 250.0];
    let glide = 1.0 - (-1.0 / (GLIDE * RATE as f32)).exp();
    let fast = 1.0 - (-1.0 / (0.003 * RATE as f32)).exp();
    let (mut tract, mut glottis, mut hiss) =
        ([Resonator::default(); 4], Resonator::default(), Resonator::default());
    let (mut phase, mut voiced, mut noisy) = (0.0_f32, 0.0_f32, 0.0_f32);
    let mut formants: Option<[f32; 3]> = None;
    let mut out = Vec::with_capacity(samples);
    for segment in script {
        let phone = PHONES[segment.phone.unwrap_or_default() as usize % PHONES.len()];
        let (start, end) = (segment.start as usize, segment.end as usize);
        let burst = start + (end - start) * 3 / 5;
        for at in start..end {
            let targets = phone.formants.map(|formant| formant * voice.formant_scale);
            let now = formants.get_or_insert(targets);
            now.iter_mut().zip(targets).for_each(|(now, target)| *now += glide * (target - *now));
            let noise = if phone.stop && at < burst { 0.0 } else { phone.noise };
            voiced += fast * (phone.voice - voiced);
            noisy += fast * (noise - noisy);
            // Pitch falls from 110 % to 90 % of its mean over the utterance, and trembles a little.
            let fall = 1.1 - 0.2 * at as f32 / samples as f32;
            phase += voice.pitch * fall * (1.0 + random.random_range(-0.02..0.02)) / RATE as f32;
            let pulse = if phase >= 1.0 {
                phase -= 1.0;
                1.0
            } else {
                0.0
            };
            let white: f32 = random.random_range(-1.0..1.0);
            let source = glottis.step(resonance(0.0, 100.0), pulse * 60.0) * voiced;
            let frequencies = [now[0], now[1], now[2], 3500.0 * voice.formant_scale];
            let mut sound = source + 0.002 * white;
            for ((resonator, frequency), bandwidth) in tract.iter_mut().zip(frequencies).zip(BANDWIDTHS) {
                sound = resonator.step(resonance(frequency, bandwidth), sound);
            }
            let [_, b, c] = resonance(phone.noise_centre * voice.formant_scale.sqrt(), 900.0);
            let fricative = hiss.step([0.5, b, c], white);
            out.push(0.05 * sound + noisy * fricative + 0.001 * white);
        }
    }
    out
}
