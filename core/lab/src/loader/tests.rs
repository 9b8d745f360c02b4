//! Order, threads, errors and ends of a loader.

use super::*;
use plasticity_core::random::Random;
use plasticity_core::stimulus::Sample;
use rand::RngExt;
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use std::time::Duration;

/// Stimulus i is (i, a random number); some fail or panic.
#[derive(Default)]
struct Numbers {
    len: usize,
    fails: Option<usize>,
    panics: Option<usize>,
    made: AtomicUsize,
    /// A barrier at which samples wait for each other.
    together: Option<Barrier>,
}

impl Stimulus for Numbers {
    fn len(&self) -> usize {
        self.len
    }

    fn shape(&self, batch: usize) -> MapShape {
        MapShape { time: 1, location: 1, batch, extent: [1, 1, 1], channels: 2 }
    }

    fn sample(&self, index: usize, augment: Option<&mut Random>) -> Result<Sample> {
        self.made.fetch_add(1, Ordering::Relaxed);
        if self.fails == Some(index) {
            return Err(Error::stimulus(format!("number {index}"), "fails"));
        }
        assert!(self.panics != Some(index), "number {index}");
        if let Some(barrier) = &self.together {
            barrier.wait();
        }
        let random = augment.map_or(0.0, |random| random.random::<f32>());
        Ok(Sample { values: vec![index as f32, random], label: Label::Class(index as u32) })
    }
}

fn numbers(len: usize) -> Arc<Numbers> {
    Arc::new(Numbers { len, ..Numbers::default() })
}

fn learn(steps: Range<u64>) -> Pass {
    Pass::Learn { seed: 3, steps, shard: Shard::WHOLE, presentations: 1 }
}

fn values(loader: Loader) -> Vec<(u64, u64, Vec<f32>)> {
    loader.map(|b| b.map(|b| (b.epoch, b.step, b.values)).unwrap()).collect()
}

#[test]
fn shards_of_ranks_are_the_batches_of_one() {
    let of = |rank| {
        let pass = Pass::Learn { seed: 3, steps: 0..4, shard: Shard { rank, ranks: 2 }, presentations: 1 };
        values(Loader::new(numbers(11), pass, 4, Some(1)).unwrap())
    };
    let whole = values(Loader::new(numbers(11), learn(0..4), 4, Some(1)).unwrap());
    let both = of(0).into_iter().zip(of(1));
    let both: Vec<_> =
        both.map(|((epoch, step, first), (_, _, second))| (epoch, step, [first, second].concat())).collect();
    assert_eq!(both, whole);
}

#[test]
fn a_stimulus_is_presented_as_often_as_asked_with_the_same_augmentation() {
    let of = |shard, presentations, batch| {
        let pass = Pass::Learn { seed: 3, steps: 0..5, shard, presentations };
        values(Loader::new(numbers(11), pass, batch, Some(2)).unwrap())
    };
    let once = of(Shard::WHOLE, 1, 4);
    let twice: Vec<_> = once
        .iter()
        .map(|(epoch, step, values)| {
            (*epoch, *step, values.chunks(2).flat_map(|sample| sample.repeat(2)).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(of(Shard::WHOLE, 2, 8), twice);
    let [first, second] = [0, 1].map(|rank| of(Shard { rank, ranks: 2 }, 2, 8));
    assert_eq!([&first[3].2[..], &second[3].2[..]].concat(), twice[3].2);
    assert_eq!(steps_per_epoch(11, 8, 2).unwrap(), 2);
    for (batch, key) in [(9, "training.presentations"), (24, "training.batch"), (0, "training.batch")] {
        let error = steps_per_epoch(11, batch, 2).unwrap_err().to_string();
        assert!(error.starts_with(key), "{error}");
        assert!(
            batch != 24 || error.ends_with("a batch of 24 is too large for 11 stimuli: use 2 to 22"),
            "{error}"
        );
    }
}

#[test]
fn any_number_of_threads_and_any_start_give_the_same_batches() {
    let whole = values(Loader::new(numbers(11), learn(0..9), 3, Some(1)).unwrap());
    assert_eq!(whole.len(), 9);
    for threads in [2, 4] {
        assert_eq!(whole, values(Loader::new(numbers(11), learn(0..9), 3, Some(threads)).unwrap()));
    }
    assert_eq!(whole[4..], values(Loader::new(numbers(11), learn(4..9), 3, Some(2)).unwrap()));
}

#[test]
fn an_epoch_holds_each_stimulus_at_most_once_and_epochs_differ() {
    let batches = values(Loader::new(numbers(12), learn(0..8), 3, None).unwrap());
    let epoch = |e| -> Vec<f32> {
        batches.iter().filter(|b| b.0 == e).flat_map(|b| b.2.iter().step_by(2).copied()).collect()
    };
    let (first, second) = (epoch(0), epoch(1));
    assert_ne!(first, second);
    for mut order in [first, second] {
        order.sort_by(f32::total_cmp);
        assert_eq!(order, (0..12).map(|i| i as f32).collect::<Vec<_>>());
    }
    let draw = |e, i: f32| {
        let all = batches.iter().filter(|b| b.0 == e).flat_map(|b| b.2.chunks(2));
        all.filter(|pair| pair[0] == i).map(|pair| pair[1]).next()
    };
    assert_ne!(draw(0, 5.0), draw(1, 5.0), "each epoch augments anew");
}

#[test]
fn evaluation_takes_all_in_order_without_augmentation() {
    let batches = values(Loader::new(numbers(7), Pass::Evaluate, 3, Some(2)).unwrap());
    let sizes: Vec<_> = batches.iter().map(|b| b.2.len() / 2).collect();
    assert_eq!(sizes, [3, 3, 1]);
    let all: Vec<_> = batches.iter().flat_map(|b| b.2.iter().copied()).collect();
    assert_eq!(all, (0..7).flat_map(|i| [i as f32, 0.0]).collect::<Vec<_>>());
}

#[test]
fn augmented_evaluation_takes_all_in_order_and_draws_anew_for_each_seed_pass_and_stimulus() {
    let of = |seed, pass| {
        let pass = Pass::EvaluateAugmented { seed, pass };
        let batches = values(Loader::new(numbers(11), pass, 4, Some(2)).unwrap());
        batches.into_iter().flat_map(|batch| batch.2).collect::<Vec<f32>>()
    };
    let passes = [of(3, 0), of(3, 1), of(4, 0)];
    let mut drawn = Vec::new();
    for pass in &passes {
        let order: Vec<_> = pass.iter().step_by(2).copied().collect();
        assert_eq!(order, (0..11).map(|i| i as f32).collect::<Vec<_>>());
        drawn.extend(pass.iter().skip(1).step_by(2).copied());
    }
    drawn.sort_by(f32::total_cmp);
    drawn.dedup();
    assert_eq!(drawn.len(), 33, "no two draws are the same");
    assert_eq!(of(3, 1), passes[1]);
}

#[test]
fn errors_and_panics_arrive_in_their_place() {
    for (fails, panics) in [(Some(4), None), (None, Some(4))] {
        let stimulus = Arc::new(Numbers { len: 8, fails, panics, ..Numbers::default() });
        let items: Vec<_> = Loader::new(stimulus, Pass::Evaluate, 2, Some(3)).unwrap().collect();
        let good: Vec<_> = items.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, true, false, true]);
    }
}

#[test]
fn it_runs_only_a_few_batches_ahead_and_stops_when_dropped() {
    let stimulus = numbers(1000);
    let mut loader = Loader::new(stimulus.clone(), learn(0..u64::MAX), 10, Some(2)).unwrap();
    loader.next().unwrap().unwrap();
    while stimulus.made.load(Ordering::Relaxed) < 40 {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(20));
    let made = stimulus.made.load(Ordering::Relaxed);
    assert_eq!(made, 40, "one batch given, three in the queue");
    drop(loader);
    assert_eq!(Arc::strong_count(&stimulus), 1, "no thread is left to hold it");
    assert_eq!(stimulus.made.load(Ordering::Relaxed), made);
}

#[test]
fn all_threads_work_at_once() {
    let stimulus = Arc::new(Numbers { len: 8, together: Some(Barrier::new(8)), ..Numbers::default() });
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let loader = Loader::new(stimulus, Pass::Evaluate, 1, Some(8)).unwrap();
        sender.send(values(loader).len()).unwrap();
    });
    assert_eq!(receiver.recv_timeout(Duration::from_secs(60)), Ok(8), "some of 8 threads wait for room");
}

#[test]
fn a_batch_that_cannot_be_made_is_an_error() {
    for (len, batch) in [(3, 4), (3, 0), (0, 1)] {
        let error = Loader::new(numbers(len), learn(0..1), batch, Some(1)).err().unwrap().to_string();
        assert!(error.contains("training.batch") && error.contains(&format!("{len} stimuli")), "{error}");
    }
}
