//! The program under `mpirun`: where this test is built with `--features mpi` (`scripts/check` does, where there is an MPI).

use super::{CONFIG, Place, program, read};
use plasticity_lab::checkpoint::Checkpoint;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Plain steps down the gradient: what differs by rounding stays so.
fn config() -> String {
    CONFIG.replace("type = \"adam\", rate = 1e-3", "type = \"sgd\", rate = 1e-2")
}

/// A run that continues until it is stopped.
fn endless() -> String {
    config().replace("epochs = 2", "epochs = 1000000")
}

/// `mpirun` of so many ranks with these arguments of the program.
fn mpirun(place: &Place, ranks: usize, arguments: &[&str]) -> Command {
    let mut command = Command::new("mpirun");
    command
        .args(["--allow-run-as-root", "--oversubscribe", "--mca", "odls_base_sigkill_timeout", "5", "-n"])
        .arg(ranks.to_string())
        .arg(program())
        .args(arguments)
        .current_dir(place.folder.path())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

fn succeed(place: &Place, ranks: usize, arguments: &[&str]) -> String {
    let output = mpirun(place, ranks, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The program's own errors, of which there must be one.
fn error(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && !said.contains("panicked"), "{said}");
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{said}");
    errors[0].to_owned()
}

/// The last checkpoint of a run.
fn last(place: &Place, run: &str, step: u64) -> Checkpoint {
    Checkpoint::load(&place.path(run).join(format!("checkpoints/step-{step}.safetensors"))).unwrap()
}

/// The largest ‖a − b‖ / ‖b‖ over tensors: most of it of biases, which began at 0 and hold but the sum of updates.
fn distance(a: &Checkpoint, b: &Checkpoint) -> f64 {
    assert_eq!((a.step, &a.fingerprint), (b.step, &b.fingerprint));
    let far = b.state.tensors.iter().map(|(name, b)| {
        let pairs = a.state.tensors[name].values.iter().zip(&b.values);
        let difference: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let size: f64 = b.values.iter().map(|b| f64::from(*b).powi(2)).sum();
        if difference == 0.0 { 0.0 } else { (difference / size).sqrt() }
    });
    far.fold(0.0, f64::max)
}

/// The step of the newest checkpoint.
fn newest(run: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(run.join("checkpoints")) else { return 0 };
    let step = |name: String| name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok();
    entries.flatten().filter_map(|entry| step(entry.file_name().into_string().ok()?)).max().unwrap_or(0)
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let since = Instant::now();
    while !there() {
        assert!(since.elapsed() < Duration::from_secs(120), "no {what} in two minutes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The process of a rank: a child of `mpirun`'s whose environment says so.
fn process(mpirun: &Child, rank: usize) -> u32 {
    let wanted = format!("OMPI_COMM_WORLD_RANK={rank}");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |id: u32| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        status.lines().any(|line| line == format!("PPid:\t{}", mpirun.id()))
    };
    let is_rank = |id: u32| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|word| word == wanted.as_bytes())
    };
    ids.find(|&id| is_child(id) && is_rank(id)).unwrap()
}

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

/// `mpirun` of two ranks that train until they are stopped, after the first checkpoint.
fn training(place: &Place, more: &[&str]) -> Child {
    let arguments = [&["train", "config.toml", "--out", "run"], more].concat();
    let child = mpirun(place, 2, &arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    wait_for("checkpoint", || newest(&place.path("run")) > 0);
    child
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs mpi")]
fn any_number_of_ranks_trains_to_the_same_weights_and_resumes_with_another() {
    let place = Place::new(&config());
    place.succeed(&["train", "config.toml", "--out", "one"]);
    let one = last(&place, "one", 6);
    for ranks in [2, 4] {
        let run = format!("of-{ranks}");
        let said = succeed(&place, ranks, &["train", "config.toml", "--out", &run]);
        assert_eq!(said.trim(), run, "rank 0 alone says where the run is");
        assert!(distance(&last(&place, &run, 6), &one) <= 1e-4);
        let losses = |run: &str| read(&place.path(run).join("metrics.jsonl"));
        assert_eq!(losses(&run).iter().filter(|byte| **byte == b'\n').count(), 6);
    }
    // 2 steps on two ranks, 2 on four, 2 on one.
    succeed(&place, 2, &["train", "config.toml", "--out", "parts", "--set", "training.steps=2"]);
    succeed(&place, 4, &["train", "--resume", "parts", "--set", "training.steps=4"]);
    place.succeed(&["train", "--resume", "parts", "--set", "training.steps=6"]);
    assert!(distance(&last(&place, "parts", 6), &one) <= 1e-4);
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs mpi")]
fn a_rank_that_is_killed_ends_the_job_which_resumes_from_its_last_checkpoint() {
    let place = Place::new(&endless());
    let child = training(&place, &[]);
    signal("-KILL", process(&child, 1));
    let saved = newest(&place.path("run"));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("process rank 1"), "{said}");
    let steps = newest(&place.path("run")) + 2;
    assert!(steps > saved);
    let set = format!("training.steps={steps}");
    succeed(&place, 2, &["train", "--resume", "run", "--set", &set]);
    place.succeed(&["train", "config.toml", "--out", "one", "--set", &set]);
    assert!(distance(&last(&place, "run", steps), &last(&place, "one", steps)) <= 1e-4);
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs mpi")]
fn a_rank_that_hangs_past_the_limit_is_named() {
    let place = Place::new(&endless());
    let child = training(&place, &["--set", "training.rank_limit=1"]);
    let hung = process(&child, 1);
    signal("-STOP", hung);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("rank 1 of 2 hangs"), "{said}");
}

/// `mpirun` ends the ranks itself after SIGTERM, but only passes SIGUSR1 on: they end as they would alone.
#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs mpi")]
fn a_signal_to_mpirun_saves_first() {
    for (name, status) in [("-TERM", None), ("-USR1", Some(138))] {
        let place = Place::new(
            &endless().replace("checkpoint_every = { steps = 2 }", "checkpoint_every = { steps = 100000 }"),
        );
        let mut command = mpirun(&place, 2, &["train", "config.toml", "--out", "run"]);
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        wait_for("record", || {
            std::fs::metadata(place.path("run/metrics.jsonl")).is_ok_and(|file| file.len() > 0)
        });
        signal(name, child.id());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(newest(&place.path("run")) > 0 && said.contains("which is saved"), "{name}: {said}");
        assert!(status.is_none() || output.status.code() == status, "{name}: {:?}: {said}", output.status);
    }
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs mpi")]
fn ranks_that_do_not_fit_each_other_come_to_one_error() {
    let place = Place::new(&config());
    let output = mpirun(&place, 3, &["train", "config.toml", "--out", "run"]).output().unwrap();
    let said = error(&output);
    assert!(said.contains("training.batch: 8 stimuli cannot be shared by 3 ranks"), "{said}");
    let output = mpirun(&place, 2, &["train", "absent.toml"]).output().unwrap();
    assert!(error(&output).contains("absent.toml"));
    // Each rank with an argument of its own.
    let differing = |argument: &str| {
        let script = format!("exec '{}' train config.toml --out other --set {argument}", program().display());
        let mut command = Command::new("mpirun");
        command.args(["--allow-run-as-root", "--oversubscribe", "-n", "2", "sh", "-c", &script]);
        error(&command.current_dir(place.folder.path()).stdin(Stdio::null()).output().unwrap())
    };
    let said = differing("training.optimiser.rate=0.0$((1+OMPI_COMM_WORLD_RANK))");
    assert!(
        said.contains("rank 1 has another config than rank 0: rate = 0.02, and rank 0 has rate = 0.01"),
        "{said}"
    );
    let said = differing("stimulus.source.count=$((24+OMPI_COMM_WORLD_RANK))");
    assert!(
        said.contains("rank 1 differs from rank 0") && said.contains("the stimuli have changed"),
        "{said}"
    );
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs mpi")]
fn cells_are_handed_to_free_ranks_and_come_to_the_same_table() {
    let place = Place::new(&config());
    let arguments = ["compare", "config.toml", "--sweep", "rule=clapp_s,random", "--seeds", "2", "--out"];
    let one = place.succeed(&[&arguments[..], &["one"]].concat());
    let two = succeed(&place, 2, &[&arguments[..], &["two"]].concat());
    assert_eq!(one, two);
    assert_eq!(read(&place.path("one/compare.csv")), read(&place.path("two/compare.csv")));
    for cell in ["rule=clapp_s/seed-3", "rule=random/seed-4"] {
        assert!(place.path("two").join(cell).join("probe.json").is_file());
    }
}

#[test]
#[cfg_attr(not(feature = "mpi"), ignore = "needs mpi")]
fn a_step_is_traced_by_every_rank() {
    let place = Place::new(&config());
    let said = succeed(&place, 2, &["bench", "config.toml", "--steps", "2", "--trace", "traces"]);
    assert!(said.contains("% of the time of sums over ranks is hidden"), "{said}");
    for rank in 0..2 {
        let trace = read(&place.path("traces").join(format!("rank-{rank}.json")));
        let trace: serde_json::Value = serde_json::from_slice(&trace).unwrap();
        let names: Vec<&str> = trace["traceEvents"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|event| event["name"].as_str())
            .collect();
        for name in ["module 1: sum over ranks", "layer 2: forward", "module 2: gather"] {
            assert!(names.contains(&name), "{names:?}");
        }
    }
}

/// Built without MPI, each process would train for itself.
#[test]
#[cfg_attr(feature = "mpi", ignore = "needs a build without mpi")]
fn a_program_without_mpi_says_so_where_several_are_started() {
    let place = Place::new(&config());
    let as_rank = |rank: &str| {
        let mut command = place.command(&["train", "config.toml"]);
        command.env("OMPI_COMM_WORLD_SIZE", "2").env("OMPI_COMM_WORLD_RANK", rank).output().unwrap()
    };
    assert!(error(&as_rank("0")).contains("built without MPI"));
    let other = as_rank("1");
    assert!(!other.status.success() && other.stderr.is_empty());
}
