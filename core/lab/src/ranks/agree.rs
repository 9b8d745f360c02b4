//! Checks on which all ranks must agree before they train together.

use super::Collective;
use crate::provenance::Provenance;
use plasticity_core::{Error, Result};

/// Tells every rank whether all ranks succeeded. If all did, each rank gets its own value. If one failed,
/// every rank gets an error.
///
/// # Errors
/// The error of the lowest rank that failed. A rank with the same error gets that error itself; every other
/// rank gets a message that names the rank.
pub fn agree<T>(ranks: &dyn Collective, own: Result<T>) -> Result<T> {
    let said = own.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let all = ranks.exchange(said.clone().into_bytes())?;
    let Some(rank) = all.iter().position(|said| !said.is_empty()) else { return own };
    let message = String::from_utf8_lossy(&all[rank]).into_owned();
    match own {
        Err(error) if message == said => Err(error),
        _ => Err(Error::Ranks(format!("rank {rank}: {message}"))),
    }
}

/// Refuses ranks that differ from rank 0 in the program, the config, the stimuli or the kernels. `config` is
/// the whole config as TOML.
///
/// # Errors
/// The error names the first rank that differs from rank 0, and the difference.
pub fn same_program(ranks: &dyn Collective, provenance: &Provenance, config: &str) -> Result<()> {
    let own = serde_json::to_vec(&(provenance, config))
        .map_err(|error| Error::Ranks(format!("this rank cannot describe what it runs ({error})")))?;
    let mut all = ranks.exchange(own)?.into_iter().map(|bytes| {
        // Another version of the program may send another format.
        serde_json::from_slice::<(Provenance, String)>(&bytes).ok()
    });
    let first = all.next().flatten();
    for (rank, other) in (1..).zip(all) {
        let difference = match (&first, &other) {
            (Some((ours, config)), Some((theirs, their_config))) => theirs
                .difference(ours)
                .map(|difference| format!("differs from rank 0 (\"before\"): {difference}"))
                .or_else(|| differing_line(config, their_config)),
            _ => Some("runs another version of the program than rank 0".to_owned()),
        };
        if let Some(difference) = difference {
            return Err(Error::Ranks(format!(
                "rank {rank} {difference}: start all ranks with the same program, config and stimuli"
            )));
        }
    }
    Ok(())
}

/// The first line in which two configs differ, as part of an error message. `None` if they are equal.
fn differing_line(first: &str, other: &str) -> Option<String> {
    if first == other {
        return None;
    }
    let pair = first.lines().zip(other.lines()).find(|(first, other)| first != other);
    let (first, other) = pair.unwrap_or(("a shorter one", "a longer one"));
    Some(format!("has another config than rank 0: {other}, and rank 0 has {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks::threads;

    /// Runs `run` on two ranks and returns both outcomes.
    fn both<T: Send>(run: impl Fn(&dyn Collective) -> Result<T> + Sync) -> Vec<Result<T>> {
        let ranks = threads::ranks(2).unwrap();
        std::thread::scope(|scope| {
            let run = &run;
            let running: Vec<_> = ranks.into_iter().map(|rank| scope.spawn(move || run(&rank))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    fn said<T>(outcomes: Vec<Result<T>>) -> Vec<String> {
        outcomes.into_iter().map(|outcome| outcome.err().map(|e| e.to_string()).unwrap_or_default()).collect()
    }

    #[test]
    fn an_error_of_one_rank_is_one_of_all() {
        assert!(both(|ranks| agree(ranks, Ok(ranks.rank()))).iter().all(Result::is_ok));
        let made = both(|ranks| match ranks.rank() {
            1 => agree(ranks, Err::<(), _>(Error::config("seed", "is missing"))),
            _ => agree(ranks, Ok(())),
        });
        assert_eq!(said(made), ["ranks: rank 1: seed: is missing", "seed: is missing"]);
    }

    #[test]
    fn ranks_with_other_configs_data_or_programs_are_refused_by_name() {
        let with = |change: fn(&mut Provenance)| {
            said(both(|ranks| {
                let mut own = Provenance { program: "1".into(), data: "d".into(), ..Default::default() };
                if ranks.rank() == 1 {
                    change(&mut own);
                }
                same_program(ranks, &own, "seed = 1\nepochs = 2")
            }))
        };
        assert_eq!(with(|_| ()), ["", ""]);
        for error in with(|own| own.data = "e".into()) {
            assert!(
                error.contains("rank 1 differs from rank 0") && error.contains("now e, before d"),
                "{error}"
            );
        }
        for error in with(|own| own.program = "2".into()) {
            assert!(error.contains("version 2, before 1"), "{error}");
        }
        let errors = said(both(|ranks| {
            same_program(ranks, &Provenance::default(), &format!("seed = 1\nepochs = {}", ranks.rank()))
        }));
        for error in errors {
            assert!(
                error.contains("rank 1 has another config") && error.contains("epochs = 1, and"),
                "{error}"
            );
        }
    }
}
