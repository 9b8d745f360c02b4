//! Measures features in f32, whatever the precision of training.

use plasticity_core::Result;
use plasticity_core::device::{Device, Precision};

/// Does `work` while the device's precision is f32, and restores the precision. A product of rounded operands would
/// measure the rounding where features vary little compared with their mean.
///
/// # Errors
/// Those of `work`.
pub(crate) fn in_f32<T>(device: &Device, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let precision = device.precision();
    device.set_precision(Precision::F32)?;
    let done = work();
    device.set_precision(precision)?;
    done
}

#[cfg(test)]
mod tests {
    use super::super::{Labelled, ProbeKind, Task, accuracy, neighbours, predictions, statistics};
    use super::*;
    use crate::analysis::Gram;
    use crate::config::ProbeConfig;
    use plasticity_core::Error;
    use plasticity_core::random::stream;
    use rand::RngExt;

    /// The results of `measure` at f32 and at bf16.
    fn at_both<T>(measure: impl Fn(&Device) -> T) -> [T; 2] {
        let device = Device::open().unwrap();
        let before = device.precision();
        let results = [Precision::F32, Precision::Bf16].map(|precision| {
            device.set_precision(precision).unwrap();
            let result = measure(&device);
            assert_eq!(device.precision(), precision);
            result
        });
        device.set_precision(before).unwrap();
        results
    }

    #[test]
    fn neighbours_are_found_where_rounded_features_are_equal() {
        // In bf16 both directions are (0.70703125, 0.70703125).
        let train = Labelled { values: &[10.0, 10.03, 10.03, 10.0], channels: 2, labels: &[1, 0] };
        let test = Labelled { values: &[10.03, 10.0, 10.0, 10.03], channels: 2, labels: &[0, 1] };
        let task = Task { classes: 2, train: &[train], held_out: &[], test };
        let found = at_both(|device| neighbours(1, &task, device).unwrap().accuracy);
        assert_eq!(found, [100.0; 2]);
    }

    #[test]
    fn what_is_measured_does_not_depend_on_the_precision() {
        const CHANNELS: usize = 20;
        let mut random = stream(1, &[]);
        let mut draw = |rows: usize| -> Vec<f32> {
            (0..rows * CHANNELS).map(|_| random.random_range(-1.0..1.0)).collect()
        };
        let (train, test) = (draw(100), draw(5000));
        let labels: Vec<u32> = (0..5000).map(|row| row % 2).collect();
        let train = Labelled { values: &train, channels: CHANNELS, labels: &labels[..100] };
        let test = Labelled { values: &test, channels: CHANNELS, labels: &labels };
        let task = Task { classes: 2, train: &[train], held_out: &[], test };
        let settings =
            ProbeConfig { epochs: Some(2), ..ProbeConfig::default() }.settings(ProbeKind::Standardised);
        let [exact, rounded] = at_both(|device| {
            let named = predictions(&settings, &task, device, &mut stream(2, &[])).unwrap();
            let found = accuracy(&settings, &task, device, &mut stream(2, &[])).unwrap();
            let halves = [0, 10].map(|first| {
                let values: Vec<f32> =
                    (0..100).flat_map(|row| train.row(row)[first..first + 10].to_vec()).collect();
                Gram::of(Labelled { values: &values, channels: 10, labels: train.labels }, device).unwrap()
            });
            let dimension = statistics(train, device).unwrap().dimension;
            (named, found, dimension, halves[0].cka(&halves[1]).unwrap())
        });
        assert_eq!(exact, rounded);
    }

    #[test]
    fn the_precision_is_restored_after_an_error() {
        let refused = at_both(|device| in_f32(device, || Err::<(), _>(Error::config("a", "b"))).is_err());
        assert_eq!(refused, [true; 2]);
    }
}
