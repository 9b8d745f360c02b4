//! What is done to runs.

use super::bench::{Bench, Count, last};
use plasticity_core::random::stream;
use rand::RngExt;
use std::ops::Range;
use std::time::{Duration, Instant};

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// Kills (SIGKILL) at random, run after run; each run goes on from where it was killed until it has come to its end.
pub fn kills(bench: &Bench, kills: u64, seed: u64) -> Count {
    let (mut random, mut count) = (stream(seed, &[1]), Count::default());
    // As long as a whole run takes, so that kills fall anywhere in it.
    let since = Instant::now();
    count.lost += u64::from(!bench.ends_well("timed"));
    let whole = since.elapsed().as_micros() as u64;
    while count.tried < kills {
        let mut before = 0;
        loop {
            let arguments = bench.arguments("killed");
            let mut child = bench.program(&words(&arguments)).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(random.random_range(0..whole)));
            let ended = child.try_wait().unwrap().is_some();
            child.kill().unwrap();
            child.wait().unwrap();
            if ended {
                break;
            }
            count.tried += 1;
            count.met += 1;
            let steps = bench.steps("killed");
            // A checkpoint that was there is there.
            count.lost += u64::from(steps < before);
            before = steps;
            if count.tried == kills {
                break;
            }
        }
        count.lost += u64::from(!bench.ends_well("killed"));
    }
    count
}

/// Flips one bit of the last checkpoint of a run of four steps, and goes on. Met is what was noticed: a bit of the padding after
/// the header changes nothing.
pub fn flips(bench: &Bench, flips: u64, seed: u64) -> Count {
    let (mut random, mut count) = (stream(seed, &[2]), Count::default());
    let arguments = ["train", "config.toml", "--out", "short", "--set", "training.steps=4"];
    assert!(bench.program(&arguments).output().unwrap().status.success());
    let checkpoint = "checkpoints/step-4.safetensors";
    for _ in 0..flips {
        copy(&bench.path("short"), &bench.path("flipped"));
        let path = bench.path("flipped").join(checkpoint);
        let mut bytes = std::fs::read(&path).unwrap();
        let place = random.random_range(0..bytes.len() * 8);
        bytes[place / 8] ^= 1 << (place % 8);
        std::fs::write(&path, bytes).unwrap();
        // As long as the others, and not as long as this one was.
        let go_on = ["train", "--resume", "flipped", "--set", "training.steps=12"];
        let output = bench.program(&go_on).output().unwrap();
        count.tried += 1;
        count.met += u64::from(bench.path("flipped").join(format!("{checkpoint}.broken")).exists());
        count.lost += u64::from(!output.status.success());
        let same = std::fs::read(bench.path("flipped").join(last())).ok()
            == std::fs::read(bench.path("whole").join(last())).ok();
        count.lost += u64::from(!same);
        std::fs::remove_dir_all(bench.path("flipped")).unwrap();
    }
    count
}

/// Runs under a limit of the size of a file, in kB: first records cannot grow, then checkpoints cannot be written.
pub fn small_files(bench: &Bench, limits: &[u64]) -> Count {
    let mut count = Count::default();
    for limit in limits {
        let arguments = bench.arguments("limited");
        // The signal of the limit is ignored, so that writing fails as on a full disk.
        let starter = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
        let output = bench.under(&["bash", "-c", &starter], &words(&arguments)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        count.tried += 1;
        count.met += u64::from(!output.status.success());
        let clear = output.status.success() || output.status.code() == Some(1) && said.contains("error: ");
        count.lost += u64::from(!clear || said.contains("panicked"));
        count.lost += u64::from(!bench.ends_well("limited"));
    }
    count
}

/// Two processes go on with one run at once: one does, the other says that it is in use.
pub fn two_processes(bench: &Bench, pairs: u64) -> Count {
    let mut count = Count::default();
    for _ in 0..pairs {
        let start = ["train", "config.toml", "--out", "shared", "--set", "training.steps=1"];
        assert!(bench.program(&start).output().unwrap().status.success());
        let go_on = ["train", "--resume", "shared", "--set", "training.steps=12"];
        let both = [0, 1].map(|_| bench.program(&go_on).spawn().unwrap());
        let both = both.map(|child| child.wait_with_output().unwrap());
        let refused = both.iter().filter(|output| {
            !output.status.success()
                && String::from_utf8_lossy(&output.stderr).contains("is in use by another process")
        });
        let (refused, went_on) =
            (refused.count(), both.iter().filter(|output| output.status.success()).count());
        count.tried += 1;
        count.met += u64::from(refused == 1);
        count.lost += u64::from(refused + went_on != 2 || went_on == 0);
        let same = std::fs::read(bench.path("shared").join(last())).ok()
            == std::fs::read(bench.path("whole").join(last())).ok();
        count.lost += u64::from(!same);
        std::fs::remove_dir_all(bench.path("shared")).unwrap();
    }
    count
}

/// At the nth call of its name: the process is killed, and in another run the call fails as on a full disk.
pub fn calls(bench: &Bench, calls: &[(&str, Range<usize>)]) -> Count {
    let mut count = Count::default();
    for (call, places) in calls {
        for place in places.clone() {
            for what in ["signal=SIGKILL", "error=ENOSPC"] {
                let arguments = bench.arguments("traced");
                let inject = format!("inject={call}:{what}:when={place}");
                let starter =
                    ["strace", "-qq", "-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject];
                let output = bench.under(&starter, &words(&arguments)).output().unwrap();
                count.tried += 1;
                count.met += u64::from(!output.status.success());
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                if said.contains("panicked") {
                    println!("{inject}: {said}");
                    count.lost += 1;
                }
                count.lost += u64::from(!bench.ends_well("traced"));
            }
        }
    }
    count
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            std::fs::copy(entry.path(), to).map(drop).unwrap()
        }
    }
}
