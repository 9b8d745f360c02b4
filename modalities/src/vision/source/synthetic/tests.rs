//! Which features show a class, and which do not.

use super::*;
use crate::vision::Picture;

fn open(split: Split, seed: u64) -> Box<dyn ImageSource> {
    Synthetic::default().open(split, seed).unwrap()
}

fn grey(picture: &Picture) -> Vec<f32> {
    let luma =
        |[r, g, b]: [u8; 3]| (0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)) / 255.0;
    picture.pixels().iter().map(|&pixel| luma(pixel)).collect()
}

/// The mean, the standard deviation and a histogram of 16 bins.
fn global_statistics(picture: &Picture) -> Vec<f32> {
    let grey = grey(picture);
    let n = grey.len() as f32;
    let mean = grey.iter().sum::<f32>() / n;
    let variance = grey.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n;
    let mut histogram = vec![0.0; 16];
    grey.iter().for_each(|x| histogram[((x * 16.0) as usize).min(15)] += 1.0 / n);
    [vec![mean, variance.sqrt()], histogram].concat()
}

/// The share of the gradients' magnitude in each of 8 directions, without sign.
fn orientations(picture: &Picture) -> Vec<f32> {
    let (grey, w) = (grey(picture), picture.width());
    let mut bins = [0.0; 8];
    for y in 1..picture.height() - 1 {
        for x in 1..w - 1 {
            let at = |y: usize, x: usize| grey[y * w + x];
            let (gx, gy) = (at(y, x + 1) - at(y, x - 1), at(y + 1, x) - at(y - 1, x));
            let turn = (gy.atan2(gx) / std::f32::consts::PI).rem_euclid(1.0);
            bins[(turn * 8.0 + 0.5) as usize % 8] += gx.hypot(gy);
        }
    }
    let sum: f32 = bins.iter().sum();
    bins.iter().map(|bin| bin / sum).collect()
}

/// The test accuracy of a linear classifier: least squares on one-hot targets with slight damping.
fn linear_accuracy(describe: impl Fn(&Picture) -> Vec<f32>) -> f64 {
    let described = |split, count| -> Vec<(Vec<f64>, usize)> {
        let source = open(split, 5);
        (0..count)
            .map(|i| {
                let image = source.image(i).unwrap();
                let mut features: Vec<f64> = describe(&image.picture).into_iter().map(f64::from).collect();
                features.push(1.0);
                (features, image.class.unwrap() as usize)
            })
            .collect()
    };
    let (train, test) = (described(Split::ProbeTrain, 960), described(Split::ProbeTest, 512));
    let (n, classes) = (train[0].0.len(), scene::CLASSES.len());
    // Solves the normal equations, augmented with the targets, by Gauss–Jordan elimination.
    let mut rows = vec![vec![0.0; n + classes]; n];
    for (features, class) in &train {
        for i in 0..n {
            for j in 0..n {
                rows[i][j] += features[i] * features[j];
            }
            rows[i][n + class] += features[i];
        }
    }
    rows.iter_mut().enumerate().for_each(|(i, row)| row[i] += 1e-6);
    for i in 0..n {
        let pivot = rows[i].clone();
        for (k, row) in rows.iter_mut().enumerate().filter(|(k, _)| *k != i) {
            let factor = row[i] / pivot[i];
            assert!(factor.is_finite(), "row {k}");
            row.iter_mut().zip(&pivot).for_each(|(a, b)| *a -= factor * b);
        }
    }
    let right = test.iter().filter(|(features, class)| {
        let score = |c: usize| (0..n).map(|i| features[i] * rows[i][n + c] / rows[i][i]).sum::<f64>();
        (0..classes).max_by(|&a, &b| score(a).total_cmp(&score(b))) == Some(*class)
    });
    right.count() as f64 / test.len() as f64
}

#[test]
fn global_statistics_do_not_give_the_class_away_but_orientations_do() {
    let chance = 1.0 / scene::CLASSES.len() as f64;
    let (statistics, oriented) = (linear_accuracy(global_statistics), linear_accuracy(orientations));
    println!("chance {chance:.3}, global statistics {statistics:.3}, orientations {oriented:.3}");
    assert!(statistics < 1.6 * chance, "{statistics}");
    assert!(oriented > 3.0 * chance, "{oriented}");
}

#[test]
fn raw_pixels_do_not_give_the_class_away() {
    let chance = 1.0 / scene::CLASSES.len() as f64;
    // Means over blocks of 4×4 pixels, which keep only the places of things.
    let blocks = linear_accuracy(|picture| {
        let grey = grey(picture);
        let mean = |by: usize, bx: usize| {
            (0..16).map(|i| grey[(4 * by + i / 4) * 64 + 4 * bx + i % 4]).sum::<f32>() / 16.0
        };
        (0..256).map(|b| mean(b / 16, b % 16)).collect()
    });
    assert!(blocks < 2.0 * chance, "{blocks}");
}

#[test]
fn scenes_follow_from_seed_split_and_index_alone() {
    let source = open(Split::Learn, 1);
    let first = source.image(3).unwrap();
    assert_eq!(first.picture, open(Split::Learn, 1).image(3).unwrap().picture);
    assert_eq!((first.class, source.len()), (Some(3), 4096));
    for other in [open(Split::Learn, 2), open(Split::ProbeTrain, 1), open(Split::ProbeTest, 1)] {
        assert_ne!(first.picture, other.image(3).unwrap().picture);
    }
    assert_ne!(first.picture, source.image(11).unwrap().picture);
}

#[test]
fn any_size_works_and_wrong_values_are_named() {
    for size in [16, 33, 96] {
        let spec = Synthetic { size, ..Synthetic::default() };
        let source = spec.open(Split::Learn, 0).unwrap();
        (0..16).for_each(|i| assert_eq!(source.image(i).unwrap().picture.height(), size));
    }
    let error = |spec: Synthetic| spec.open(Split::ProbeTest, 0).err().unwrap().to_string();
    assert!(error(Synthetic { size: 8, ..Synthetic::default() }).contains("size"));
    for test in [0, 10_000_001, u32::MAX as usize] {
        let error = error(Synthetic { test, ..Synthetic::default() });
        assert!(error.contains("test") && error.contains("1 to 10000000"), "{error}");
    }
}
