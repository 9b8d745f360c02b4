//! Which cells of a comparison are finished, and what ends it.

use super::{CONFIG, PATIENT, Place, files};

#[test]
fn cells_with_another_start_or_precision_are_not_shown_as_those_of_the_config() {
    let place = Place::new(CONFIG);
    for (run, seed) in [("a", "seed=1"), ("b", "seed=2")] {
        place.succeed(&["train", "config.toml", "--out", run, "--set", seed, "--set", "training.steps=1"]);
    }
    let compare = ["compare", "config.toml", "--out", "all", "--set", "training.steps=1", "--set"];
    place.succeed(&[&compare[..], &["training.init=a"]].concat());
    let written = files(&place.path("all"));
    for (key, changes) in [
        ("training.init", &["training.init=b"][..]),
        ("training.init_layers", &["training.init=a", "--set", "training.init_layers=[1]"]),
        ("training.precision", &["training.init=a", "--set", "training.precision=bf16"]),
    ] {
        let error = place.fail(&[&compare[..], changes].concat(), 1);
        let expected = format!("all/base/seed-3: has a run of another config ({key}): choose another folder");
        assert!(error.starts_with(&expected), "{error}");
    }
    assert!(written == files(&place.path("all")));
}

#[test]
fn a_cell_whose_rates_depend_on_its_length_is_not_made_longer() {
    let place =
        Place::new(&CONFIG.replace("[probe]", "schedule = { decay = { type = \"cosine\" } }\n[probe]"));
    let compare = ["compare", "config.toml", "--out", "all", "--set"];
    place.succeed(&[&compare[..], &["training.steps=2"]].concat());
    let written = files(&place.path("all"));
    let error = place.fail(&[&compare[..], &["training.steps=4"]].concat(), 1);
    let expected = "of 2 steps in all, whose training.schedule gave its steps other rates than with 4 steps";
    assert!(error.starts_with(&format!("all/base/seed-3: has a run {expected}: choose another")), "{error}");
    assert!(written == files(&place.path("all")));
    let resumed = |steps: &str| {
        let output = place.run(&["train", "--resume", "all/base/seed-3", "--set", steps]);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(!resumed("training.steps=2").contains("other rates"));
    let said = resumed("training.steps=4");
    assert!(said.contains(&format!("warning: all/base/seed-3 is a run {expected}, so it learns")), "{said}");
}

#[test]
fn a_cell_that_ended_early_needs_no_checkpoint_and_one_that_was_stopped_is_not_finished() {
    let place = Place::new(CONFIG);
    let one = [&["compare", "config.toml", "--out", "all"][..], &PATIENT].concat();
    let table = place.succeed(&one);
    std::fs::remove_dir_all(place.path("all/base/seed-3/checkpoints")).unwrap();
    let before = files(&place.path("all/base"));
    assert_eq!(place.succeed(&one), table);
    assert_eq!(place.succeed(&[&one[..], &["--finished"]].concat()), table);
    assert!(before == files(&place.path("all/base")), "it was trained again");

    let stopped = ["train", "config.toml", "--out", "all/base/seed-4", "--set", "seed=4"];
    place.succeed(&[&stopped[..], &PATIENT, &["--set", "training.steps=2"]].concat());
    place.succeed(&["probe", "all/base/seed-4"]);
    let output = place.run(&[&one[..], &["--seeds", "2", "--finished"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("1 of 2 cells are finished"), "{said}");
}

#[test]
fn finished_cells_are_shown_without_the_data_that_they_learned_from() {
    let folders = "{ type = \"folder\", path = \"data/train\" }\n\
                   labelled = { train = \"data/train\", test = \"data/test\" }\ncrop = 64";
    let source = "{ type = \"synthetic\", count = 24, train = 32, test = 16 }";
    let place = Place::new(&CONFIG.replace(source, folders));
    for (class, name) in (1..).zip(["train/a", "train/b", "test/a", "test/b"]) {
        let folder = place.path("data").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for number in 1..9_u32 {
            let shade = |x: u32, y: u32| image::Luma([(x * number + y * class) as u8]);
            image::GrayImage::from_fn(64, 64, shade).save(folder.join(format!("{number}.png"))).unwrap();
        }
    }
    let compare = |more: &[&str]| {
        let all = ["compare", "config.toml", "--sweep", "rule=random,clapp_s", "--out"];
        place.run(&[&all[..], more].concat())
    };
    let table = |more: &[&str]| {
        let output = compare(more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let of_steps = ["steps", "--set", "training.steps=3"];
    let before = [table(&["all"]), table(&of_steps)];
    // A run of whole epochs that was stopped, and probed by hand.
    let stopped = "all/rule=clapp_s/seed-4";
    place.succeed(&["train", "config.toml", "--out", stopped, "--set", "seed=4"]);
    std::fs::remove_file(place.path(stopped).join("checkpoints/step-4.safetensors")).unwrap();
    place.succeed(&["probe", stopped]);

    std::fs::remove_dir_all(place.path("data")).unwrap();
    assert_eq!([table(&["all", "--finished"]), table(&of_steps)], before);
    let output = compare(&["all", "--seeds", "2", "--finished"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("2 of 4 cells are finished"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_signal_during_a_probe_ends_the_program() {
    use std::os::unix::process::ExitStatusExt;
    use std::time::{Duration, Instant};
    let place = Place::new(&CONFIG.replace("[probe]\nepochs = 3", "[probe]\nepochs = 1000000"));
    let mut command = place.command(&["compare", "config.toml", "--seeds", "2", "--out", "all"]);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    while !place.path("all/base/seed-3/checkpoints/step-6.safetensors").is_file() {
        std::thread::sleep(Duration::from_millis(20));
    }
    // The training ends soon after its last checkpoint.
    std::thread::sleep(Duration::from_secs(1));
    let kill = std::process::Command::new("kill").args(["-USR1", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() && since.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Nothing, if it has ended.
    let _ = child.kill();
    assert_eq!(child.wait().unwrap().signal(), Some(10));
    assert!(!place.path("all/base/seed-4").exists());
}
