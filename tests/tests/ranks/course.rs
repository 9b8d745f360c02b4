//! Whole trainings on several ranks, of which only rank 0 has observers.

use super::PICTURES;
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_core::observer::{Moment, Observer};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::State;
use plasticity_lab::ranks::{Alone, Collective, Negatives, Sharing, threads};
use plasticity_lab::run::{self, Run};
use plasticity_lab::training::{Length, Trainer, learn};
use std::path::Path;
use std::sync::Arc;

/// Reads the losses of every second step, and ends training after `last` steps.
struct Reader {
    last: u64,
}

impl Observer<Trainer> for Reader {
    fn wants_losses(&self, step: u64) -> bool {
        step.is_multiple_of(2)
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        assert_eq!(moment.losses.len(), if moment.step.is_multiple_of(2) { 2 } else { 0 });
        if moment.step == self.last {
            moment.stop("enough");
        }
        Ok(())
    }
}

/// Steps, reason of the end, and weights of a rank that trains at most 8 steps, 4 in each module's turn.
fn trained(ranks: Arc<dyn Collective>, last: u64) -> Result<(u64, Option<String>, State)> {
    let turns = "epochs = 4\nturns = [{ steps = 4 }, { steps = 4 }]";
    let config =
        PICTURES.replace("VIEWS", "1").replace("RULE", "greedy_supervised").replace("epochs = 1", turns);
    let experiment = Experiment::open(Config::parse(&config, "config.toml")?)?;
    let first = ranks.rank() == 0;
    let sharing = Sharing::new(ranks, Negatives::Global, 8)?;
    let mut trainer = run::trainer(&experiment, experiment.network(&Device::open()?)?)?.among(sharing);
    trainer.start_as_first()?;
    let mut batches = experiment.loader_of(0..8, trainer.sharing().shard())?;
    let (mut reader, length) = (Reader { last }, Length { total: 8, batch: 8 });
    let mut observers: Vec<&mut dyn Observer<Trainer>> = Vec::new();
    if first {
        observers.push(&mut reader);
    }
    learn(&mut trainer, &mut batches, length, &|| false, &mut observers)?;
    let why = trainer.halted().map(str::to_owned);
    Ok((trainer.steps(), why, trainer.network_mut().state()?))
}

/// Trains a run of shards on so many ranks, or resumes it.
fn in_shards(folder: &Path, size: usize, epochs: u64) {
    let training = format!("epochs = {epochs}\nnegatives = \"shard\"");
    let config = PICTURES.replace("VIEWS", "1").replace("RULE", "greedy_supervised");
    let config = config.replace("epochs = 1", &training);
    let train = |ranks: Arc<dyn Collective>| -> Result<()> {
        let experiment = Experiment::open(Config::parse(&config, "config.toml")?)?.among(size);
        let network = experiment.network(&Device::open()?)?;
        let open = if run::is_run(folder) { Run::resume } else { Run::create };
        let mut run = (ranks.rank() == 0).then(|| open(folder, experiment.config())).transpose()?;
        run::train_among(ranks, &experiment, network, run.as_mut(), &|| false, &mut []).map(drop)
    };
    std::thread::scope(|scope| {
        let train = &train;
        let ranks = threads::ranks(size).unwrap().into_iter();
        let running: Vec<_> = ranks.map(|rank| scope.spawn(move || train(Arc::new(rank)))).collect();
        running.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    });
}

#[test]
fn a_run_of_shards_records_that_it_resumes_with_another_number_of_ranks() {
    let folder = tempfile::tempdir().unwrap();
    for (size, epochs) in [(2, 2), (2, 4), (4, 6)] {
        in_shards(folder.path(), size, epochs);
    }
    let sessions = std::fs::read_to_string(folder.path().join("sessions.jsonl")).unwrap();
    let changed: Vec<_> = sessions.lines().map(|line| line.contains("ranks is 4, before 2")).collect();
    assert_eq!(changed, [false, false, true], "{sessions}");
}

#[test]
fn ranks_take_turns_together_and_end_together_and_know_why() {
    for last in [7, 8] {
        let ranks = threads::ranks(2).unwrap();
        let found: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> =
                ranks.into_iter().map(|rank| scope.spawn(move || trained(Arc::new(rank), last))).collect();
            running.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
        });
        assert!(found.iter().all(|(steps, why, _)| *steps == last && why.is_some()));
        assert!(found[0].2 == found[1].2, "other weights");
        let (steps, why, alone) = trained(Arc::new(Alone::default()), last).unwrap();
        assert_eq!((steps, why.as_deref()), (last, Some("enough")));
        for (name, saved) in &alone.tensors {
            let distance = super::distance(&found[0].2.tensors[name].values, &saved.values);
            assert!(distance < 1e-4, "{name}: {distance}");
        }
    }
}
