//! What linear probes learn, choose, refuse and repeat.

use super::*;
use crate::config::ProbeConfig;
use approx::assert_abs_diff_eq;
use plasticity_core::random::stream;

fn standardised(config: ProbeConfig) -> ProbeSettings {
    config.settings(ProbeKind::Standardised)
}

fn measured(settings: &ProbeSettings, classes: usize, train: Labelled, test: Labelled) -> Result<f64> {
    let task = Task { classes, train: &[train], held_out: &[], test };
    accuracy(settings, &task, &Device::open().unwrap(), &mut stream(3, &[])).map(|found| found.accuracy)
}

/// Three classes at the corners of a triangle, far from the origin and on scales that differ by 1000.
fn clusters(rows: usize, seed: u64) -> (Vec<f32>, Vec<u32>) {
    let mut random = stream(seed, &[]);
    let labels: Vec<u32> = (0..rows as u32).map(|row| row % 3).collect();
    let values = labels
        .iter()
        .flat_map(|&label| {
            let (x, y) = [(0.0, 0.0), (4.0, 0.0), (0.0, 4.0)][label as usize];
            let mut noise = || random.random_range(-1.0f32..1.0);
            [50.0 + x + noise(), 0.001 * (y + noise()), 7.0]
        })
        .collect();
    (values, labels)
}

#[test]
fn separable_classes_probe_perfectly_and_random_labels_at_chance() {
    let settings = standardised(ProbeConfig { epochs: Some(40), rate: 1e-2, ..ProbeConfig::default() });
    let (train, train_labels) = clusters(300, 1);
    let (test, test_labels) = clusters(90, 2);
    let read = |train_labels: &[u32]| {
        let train = Labelled { values: &train, channels: 3, labels: train_labels };
        let test = Labelled { values: &test, channels: 3, labels: &test_labels };
        measured(&settings, 3, train, test).unwrap()
    };
    assert_eq!(read(&train_labels), 100.0);
    assert_eq!(read(&train_labels), read(&train_labels));
    let shuffled: Vec<u32> = (0..300).map(|row| (row / 3 % 3) as u32).collect();
    assert!(read(&shuffled) < 60.0);
}

#[test]
fn a_rate_is_halved_in_the_epoch_that_a_share_names() {
    for (share, expected) in [(0.1, 5), (0.2, 10), (0.3, 15), (0.4, 20), (0.6, 30), (0.8, 40)] {
        let first = (0..50).find(|&epoch| halvings(&[share], epoch, 50) == 1);
        assert_eq!(first, Some(expected), "{share}");
    }
    assert_eq!(halvings(&[0.0, 0.5, 0.75, 1.0], 30, 50), 2);
}

#[test]
fn a_step_of_one_row_is_not_normalised() {
    let (values, labels) = clusters(9, 1);
    let rows =
        |count: usize| Labelled { values: &values[..3 * count], channels: 3, labels: &labels[..count] };
    let read = |batch, count| {
        let config =
            ProbeConfig { batch_norm: true, batch: Some(batch), epochs: Some(2), ..ProbeConfig::default() };
        let task = Task { classes: 3, train: &[rows(count)], held_out: &[], test: rows(9) };
        learn(&config.settings(ProbeKind::Raw), &task, &Device::open().unwrap(), &mut stream(3, &[]))
    };
    let refused = |batch, count| read(batch, count).err().unwrap().to_string();
    // Of each epoch's steps of 4, 4 and 1 rows the last is left out: the third feature is 7 in every row, so its
    // running variance only shrinks by 0.9 in each step.
    let [.., variance] = read(4, 9).unwrap().classifier.weights().unwrap().norm.unwrap();
    assert_abs_diff_eq!(variance[2], 0.9f32.powi(4), epsilon = 1e-6);
    assert!(refused(1, 9).starts_with("probe.batch: with probe.batch_norm"), "{}", refused(1, 9));
    assert!(refused(4, 1).starts_with("probe.batch_norm: needs at least 2"), "{}", refused(4, 1));
}

#[test]
fn dropout_keeps_the_mean_and_leaves_out_its_share() {
    let mut values = vec![2.0; 100_000];
    drop_out(&mut values, 0.25, &mut stream(5, &[]));
    let left_out = values.iter().filter(|&&value| value == 0.0).count() as f64;
    // 100,000 draws: the standard deviation of the share is 0.0014.
    assert_abs_diff_eq!(left_out / 1e5, 0.25, epsilon = 0.006);
    assert!(values.iter().all(|&value| value == 0.0 || (value - 2.0 / 0.75).abs() < 1e-6));
    let mut random = stream(5, &[]);
    let one_by_one = values.iter().map(|_| random.random::<f32>() < 0.25);
    assert!(values.iter().zip(one_by_one).all(|(value, left_out)| (*value == 0.0) == left_out));
}

/// 200 features, a fifth of which depends weakly on the class, and 60 training rows.
#[test]
fn a_probe_with_dropout_learns_and_repeats() {
    let draw = |seed, rows: u32| -> (Vec<f32>, Vec<u32>) {
        let mut random = stream(seed, &[]);
        let row = |label: u32, random: &mut Random| {
            let mut row: Vec<f32> = (0..200).map(|_| random.random_range(-1.0..1.0)).collect();
            for (at, value) in row.iter_mut().take(40).enumerate() {
                let sign = if (at % 2 == 0) == (label == 0) { 1.0 } else { -1.0 };
                *value += 0.12 * sign;
            }
            row
        };
        let labels: Vec<u32> = (0..rows).map(|row| row % 2).collect();
        (labels.iter().flat_map(|&label| row(label, &mut random)).collect(), labels)
    };
    let ((train, train_labels), (test, test_labels)) = (draw(1, 60), draw(2, 2000));
    let read = |dropout| {
        let config =
            ProbeConfig { epochs: Some(300), rate: 1e-2, batch: Some(60), dropout, ..ProbeConfig::default() };
        let settings = standardised(config);
        let train = Labelled { values: &train, channels: 200, labels: &train_labels };
        let test = Labelled { values: &test, channels: 200, labels: &test_labels };
        measured(&settings, 2, train, test).unwrap()
    };
    let (without, with) = (read(0.0), read(0.5));
    assert_eq!(with, read(0.5), "the same seed gives the same probe");
    assert_ne!(with, without);
    assert!(with > 60.0, "{without} {with}");
}

#[test]
fn a_probe_that_diverges_is_an_error_and_not_chance() {
    let settings = standardised(ProbeConfig { epochs: Some(2), rate: 1e38, ..ProbeConfig::default() });
    let (values, labels) = clusters(30, 1);
    let rows = Labelled { values: &values, channels: 3, labels: &labels };
    let error = measured(&settings, 3, rows, rows).unwrap_err().to_string();
    assert!(error.starts_with("probe.rate: ") && error.contains("not finite"), "{error}");
}

#[test]
fn a_label_that_is_no_class_is_an_error() {
    let rows = Labelled { values: &[1.0, 2.0], channels: 1, labels: &[0, 3] };
    let settings = standardised(ProbeConfig::default());
    let error = measured(&settings, 3, rows, rows).unwrap_err();
    assert!(error.to_string().contains("one label is 3"), "{error}");
}

/// Features that vary by a thousandth of their mean: the probe separates the classes with standardised features
/// but not with raw ones.
#[test]
fn the_probes_differ_where_a_mean_hides_what_varies() {
    let rows = |seed| {
        let (values, labels) = clusters(300, seed);
        // Both features that depend on the class have the same scale.
        let scales = [0.01, 10.0, 0.01].into_iter().cycle();
        (values.iter().zip(scales).map(|(value, scale)| 50.0 + scale * value).collect::<Vec<f32>>(), labels)
    };
    let ((train, train_labels), (test, test_labels)) = (rows(1), rows(2));
    let read = |kind| {
        let config = ProbeConfig { epochs: Some(40), rate: 1e-2, ..ProbeConfig::default() };
        let train = Labelled { values: &train, channels: 3, labels: &train_labels };
        let test = Labelled { values: &test, channels: 3, labels: &test_labels };
        measured(&config.settings(kind), 3, train, test).unwrap()
    };
    let (raw, standardised) = (read(ProbeKind::Raw), read(ProbeKind::Standardised));
    assert!(raw < 60.0 && standardised > 90.0, "{raw} {standardised}");
}

#[test]
fn the_epoch_that_is_best_on_held_out_stimuli_is_tested() {
    // Training rows: two features that depend on the class. Held-out rows: the same; the test rows are copies of
    // them.
    let (values, labels) = clusters(90, 1);
    let rows = Labelled { values: &values, channels: 3, labels: &labels };
    let held_out: Vec<usize> = (0..90).step_by(5).collect();
    let (test, test_labels) = rows.take(&held_out);
    let test = Labelled { values: &test, channels: 3, labels: &test_labels };
    let read = |epochs, held_out: &[usize]| {
        let config = ProbeConfig { epochs: Some(epochs), rate: 3e-2, ..ProbeConfig::default() };
        let task = Task { classes: 3, train: &[rows], held_out, test };
        accuracy(&standardised(config), &task, &Device::open().unwrap(), &mut stream(3, &[])).unwrap()
    };
    let found = read(30, &held_out);
    let chosen = found.chosen.unwrap();
    assert_eq!(found.accuracy, chosen.validation, "tested after another epoch than the one that is said");
    assert!(chosen.epoch < 30, "all epochs were tried and the first of the best was taken: {chosen:?}");
    assert_eq!(read(chosen.epoch, &held_out), found);
    assert_eq!(read(2, &[]).chosen, None);
    let all: Vec<usize> = (0..90).collect();
    let task = Task { classes: 3, train: &[rows], held_out: &all, test };
    let settings = standardised(ProbeConfig::default());
    let error = accuracy(&settings, &task, &Device::open().unwrap(), &mut stream(3, &[])).unwrap_err();
    assert!(error.to_string().contains("probe.validation: would hold out all 90"), "{error}");
}

/// Gain, shift and running statistics after four epochs with batch normalisation.
fn learned(config: ProbeConfig, train: &[Labelled]) -> [Vec<f32>; 4] {
    let config = ProbeConfig { batch_norm: true, batch: Some(4), epochs: Some(4), ..config };
    let task = Task { classes: 3, train, held_out: &[], test: train[0] };
    let learned =
        learn(&config.settings(ProbeKind::Raw), &task, &Device::open().unwrap(), &mut stream(3, &[]));
    learned.unwrap().classifier.weights().unwrap().norm.unwrap()
}

#[test]
fn versions_take_turns_until_the_last_epoch() {
    let ((one, labels), (other, _)) = (clusters(12, 1), clusters(12, 2));
    let rows = |values| Labelled { values, channels: 3, labels: &labels };
    let (one, other) = (rows(&one), rows(&other));
    let of = |train: &[Labelled]| learned(ProbeConfig::default(), train);
    assert_eq!(of(&[one, other]), of(&[one, other, one, other]));
    assert_ne!(of(&[one, other]), of(&[one]), "the second version is not seen");
}

#[test]
fn a_halved_rate_and_weight_decay_change_what_is_learned() {
    let (values, labels) = clusters(12, 1);
    let rows = Labelled { values: &values, channels: 3, labels: &labels };
    let of = |rate, halve_at: &[f32], weight_decay| {
        let config =
            ProbeConfig { rate, halve_at: halve_at.to_vec(), weight_decay, ..ProbeConfig::default() };
        learned(config, &[rows])
    };
    let plain = of(1e-3, &[], 0.0);
    assert_eq!(of(2e-3, &[0.0], 0.0), plain);
    assert_ne!(of(2e-3, &[], 0.0), plain);
    assert_ne!(of(1e-3, &[], 1.0), plain);
}
