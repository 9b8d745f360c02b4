//! Checks that only motion shows the class.

use super::*;
use std::f32::consts::TAU;

const SIZE: usize = 24;

fn spec(motions: &[Motion]) -> MotionsSpec {
    MotionsSpec {
        motions: motions.to_vec(),
        size: SIZE,
        shapes: 3,
        learn: 1500,
        train: 1500,
        test: 1500,
        ..MotionsSpec::default()
    }
}

/// Short-lived shapes on a plain background.
fn fleeting(motions: &[Motion]) -> MotionsSpec {
    MotionsSpec { lifetime: 4, background: 0.0, ..spec(motions) }
}

/// The luminance of a frame.
fn luminance(frame: &Frame) -> Vec<f64> {
    frame.rgb.chunks(3).map(|p| p.iter().map(|&v| f64::from(v)).sum::<f64>() / 765.0).collect()
}

fn slopes(values: &[f64], at: usize) -> (f64, f64) {
    let (x, y) = (at % SIZE, at / SIZE);
    let value = |x: usize, y: usize| values[(y % SIZE) * SIZE + x % SIZE];
    (value(x + 1, y) - value(x + SIZE - 1, y), value(x, y + 1) - value(x, y + SIZE - 1))
}

/// Features of one frame: mean, variance, energies of slopes, and the sum of each channel.
fn of_a_frame(frame: &Frame) -> Vec<f64> {
    let values = luminance(frame);
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let mut features =
        vec![mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count, 0.0, 0.0, 0.0];
    for at in 0..values.len() {
        let (x, y) = slopes(&values, at);
        features[2] += x * x / count;
        features[3] += y * y / count;
        features[4] += x * y / count;
    }
    features.extend((0..3).map(|c| frame.rgb.iter().skip(c).step_by(3).map(|&v| f64::from(v)).sum::<f64>()));
    features
}

/// How the change from one frame to the next correlates with the slopes. The sign depends on the direction of
/// motion.
fn of_a_change(frames: &[Frame]) -> Vec<f64> {
    let (before, after) = (luminance(&frames[0]), luminance(&frames[1]));
    let (mut along_x, mut along_y, mut energy) = (0.0, 0.0, 1e-9);
    for at in 0..before.len() {
        let change = after[at] - before[at];
        let (x, y) = slopes(&before, at);
        along_x += change * x;
        along_y += change * y;
        energy += x * x + y * y;
    }
    vec![along_x / energy, along_y / energy]
}

/// The accuracy of the nearest class mean, with features scaled to unit variance. The means come from one
/// split, the accuracy from another.
fn accuracy(spec: &MotionsSpec, frames: usize, features: impl Fn(&[Frame]) -> Vec<f64>) -> f64 {
    let motions = &spec.motions;
    let read = |split| {
        let clips = spec.open(split, 7).unwrap();
        (0..clips.len())
            .map(|i| {
                let frames = clips.read(i, Picks { first: 9, every: 1, count: frames }, &mut Ok).unwrap();
                (clips.class(i) as usize, features(&frames))
            })
            .collect::<Vec<_>>()
    };
    let (train, test) = (read(Split::ProbeTrain), read(Split::ProbeTest));
    let width = train[0].1.len();
    let mut means = vec![vec![0.0; width]; motions.len()];
    let mut squares = vec![0.0; width];
    let mut total = vec![0.0; width];
    for (class, features) in &train {
        for (f, value) in features.iter().enumerate() {
            means[*class][f] += value * motions.len() as f64 / train.len() as f64;
            squares[f] += value * value / train.len() as f64;
            total[f] += value / train.len() as f64;
        }
    }
    let variance: Vec<f64> = squares.iter().zip(&total).map(|(square, mean)| square - mean * mean).collect();
    let distance = |mean: &[f64], features: &[f64]| -> f64 {
        mean.iter().zip(features).zip(&variance).map(|((m, f), v)| (m - f).powi(2) / v).sum()
    };
    let right = test.iter().filter(|(class, features)| {
        let nearest = (0..motions.len())
            .min_by(|&a, &b| distance(&means[a], features).total_cmp(&distance(&means[b], features)));
        nearest == Some(*class)
    });
    right.count() as f64 / test.len() as f64
}

#[test]
fn a_single_frame_does_not_tell_the_class() {
    for spec in [spec(&Motion::ALL), fleeting(&Motion::ALL)] {
        let found = accuracy(&spec, 1, |frames| of_a_frame(&frames[0]));
        // Chance is 0.1; its standard deviation over 1,500 clips is 0.0077.
        assert!((found - 0.1).abs() < 4.0 * 0.0077, "{found}");
    }
}

#[test]
fn two_frames_tell_directions() {
    let directions = [Motion::Right, Motion::Left, Motion::Down, Motion::Up];
    let found = accuracy(&spec(&directions), 2, of_a_change);
    assert!(found > 0.8, "{found}");
}

#[test]
fn every_value_of_a_pose_stays_uniform_at_any_time_in_every_class() {
    let scenes: Vec<_> = (0..3000).map(|i| Scene::draw(1, 0.1, &mut stream(1, &[i]))).collect();
    for motion in Motion::ALL {
        for time in [0.0, 3.0, 17.0] {
            let poses: Vec<_> = scenes.iter().map(|s| s.pose(&s.shapes[0], motion, time)).collect();
            let parts: [fn(&scene::Pose) -> f32; 4] = [|p| p.x, |p| p.y, |p| p.angle, |p| p.growth];
            for part in parts {
                // These are the first and second circular moments of 3,000 uniform draws, with a standard
                // deviation of 1 / √3000 = 0.018.
                for order in [1.0, 2.0] {
                    let (mut sin, mut cos) = (0.0, 0.0);
                    for pose in &poses {
                        assert!((0.0..=1.0).contains(&part(pose)));
                        let (s, c) = (TAU * order * part(pose)).sin_cos();
                        sin += s / 3000.0;
                        cos += c / 3000.0;
                    }
                    assert!(sin.hypot(cos) < 0.07, "{motion:?} at {time}: {sin} {cos}");
                }
            }
        }
    }
}

#[test]
fn the_background_and_the_first_frame_know_nothing_of_the_class() {
    let mut random = stream(2, &[0]);
    let scene = Scene::draw(3, 0.1, &mut random);
    let first = |motion| render::frame(&scene, motion, 0.0, SIZE);
    assert_eq!(first(Motion::Right), first(Motion::Expand));
    let later = |motion| render::frame(&scene, motion, 3.0, SIZE);
    assert!(Motion::ALL.iter().all(|&motion| later(motion) != first(motion)));
    assert_ne!(later(Motion::Right), later(Motion::Left));
}

#[test]
fn short_lived_shapes_give_way_one_after_another() {
    let successor = |shape: usize, generation: usize| stream(4, &[shape as u64, generation as u64]);
    let at = |frame| Scene::draw(3, 0.0, &mut stream(3, &[0])).at(frame, 6, successor);
    let starts = |frame| at(frame).shapes.iter().map(|shape| shape.start).collect::<Vec<_>>();
    // Shape 0 changes at frames 6, 12 …, shape 1 at 4, 10 …, shape 2 at 2, 8 ….
    for (frame, changed) in [(1, None), (2, Some(2)), (3, None), (4, Some(1)), (6, Some(0)), (8, Some(2))] {
        let (before, after) = (starts(frame - 1), starts(frame));
        for shape in 0..3 {
            assert_eq!(before[shape] != after[shape], changed == Some(shape), "frame {frame}, shape {shape}");
        }
    }
    let lasting = |frame| Scene::draw(3, 0.0, &mut stream(3, &[0])).at(frame, 0, successor).shapes[0].start;
    assert_eq!(lasting(0), lasting(1000));
}

#[test]
fn clips_repeat_and_splits_differ() {
    let picks = Picks { first: 0, every: 1, count: 2 };
    let read = |split| spec(&Motion::ALL).open(split, 7).unwrap().read(3, picks, &mut Ok).unwrap();
    assert_eq!(read(Split::Learn), read(Split::Learn));
    assert_ne!(read(Split::Learn), read(Split::ProbeTest));
}

#[test]
fn values_out_of_range_are_errors_that_name_the_key() {
    let cases = [
        ("size", serde_json::json!(4)),
        ("length", serde_json::json!(0)),
        ("shapes", serde_json::json!(0)),
        ("lifetime", serde_json::json!(10_001)),
        ("background", serde_json::json!(0.6)),
        ("speed", serde_json::json!(0.0)),
        ("learn", serde_json::json!(0)),
        ("train", serde_json::json!(0)),
        ("test", serde_json::json!(0)),
        ("motions", serde_json::json!(["left"])),
        ("motions", serde_json::json!(["left", "left"])),
    ];
    for (key, value) in cases {
        let spec: MotionsSpec = serde_json::from_value(serde_json::json!({ key: value })).unwrap();
        let error = spec.open(Split::Learn, 0).err().unwrap().to_string();
        assert!(error.starts_with(&format!("{key}: ")), "{error}");
    }
    let unknown = serde_json::from_value::<MotionsSpec>(serde_json::json!({ "motions": ["wobble"] }));
    assert!(unknown.unwrap_err().to_string().contains("wobble"));
}
