//! Several ranks give the updates of one: for every registered rule, for layers that normalise over the batch, and for every
//! kind of stimuli. The ranks are threads; `mpirun` is tried by `tests/cli`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod course;
mod rounding;

use plasticity as _;
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_core::draws::SeededDraws;
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::registry::{Family, plugins};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::ModuleStep;
use plasticity_lab::ranks::{Alone, Collective, Negatives, Sharing, threads};
use plasticity_tests::SCENES;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Steps that are made: in the second, weights, averages and running moments have moved.
const STEPS: u64 = 2;

/// Whole pictures, in one view or two; the encoder ends in a map of one position.
const PICTURES: &str = r#"seed = 3
[stimulus]
type = "images"
source = { type = "synthetic", count = 16, train = 8, test = 8 }
crop = 16
views = VIEWS
[encoder]
layers = [
    { type = "conv2d", channels = 4, kernel = 3, padding = 1, max_pool = { size = 2 } },
    { type = "conv2d", channels = 6, kernel = 3, padding = 1, max_pool = { size = 2 } },
]
[rule]
type = "RULE"
[training]
epochs = 1
batch = 8
optimiser = { type = "sgd", rate = 1e-2 }
"#;

const SPEECH: &str = r#"seed = 3
[stimulus]
type = "speech"
learn = { type = "synthetic_speech", speakers = 4, utterances = 4, seconds = 0.5 }
window = 4000
[encoder]
preset = "audio"
widths = [4, 4, 4, 4, 4]
gru = 6
[rule]
type = "RULE"
[training]
epochs = 1
batch = 8
optimiser = { type = "sgd", rate = 1e-2 }
"#;

const CLIPS: &str = r#"seed = 3
[stimulus]
type = "clips"
every = 1
frames = 8
size = 16
source = { type = "motions", size = 16, length = 8, learn = 16, train = 16, test = 16 }
[encoder]
layers = [
    { type = "conv3d", channels = 4, kernel = [1, 3, 3], stride = [1, 2, 2], padding = [0, 1, 1], batch_norm = true },
    { type = "conv3d", channels = 6, kernel = [1, 3, 3], stride = [1, 2, 2], padding = [0, 1, 1], batch_norm = true },
]
[rule]
type = "RULE"
prediction_steps = 1
skip = 0
[training]
epochs = 1
batch = 8
optimiser = { type = "sgd", rate = 1e-2 }
"#;

/// The updates of every step by name, and the losses.
type Updates = BTreeMap<String, Vec<f32>>;

/// What one rank comes to in all steps.
fn updates(config: &str, ranks: Arc<dyn Collective>, negatives: Negatives) -> Result<Updates> {
    let experiment = Experiment::open(Config::parse(config, "config.toml")?)?;
    let device = Device::open()?;
    let mut network = experiment.network(&device)?;
    let sharing = Sharing::new(ranks, negatives, experiment.config().training.batch)?;
    let mut all = Updates::new();
    for host in experiment.loader_of(0..STEPS, sharing.shard())? {
        let host = host?;
        let step = host.step;
        let batch = host.to_device(&device)?;
        let labels = batch.classes();
        let mut draws = SeededDraws::of_modules(3, step);
        let mut each = |mut module: ModuleStep| {
            let named = module.named()?.into_iter();
            all.extend(named.map(|(name, update)| (format!("step {step}, {name}"), update)));
            all.insert(format!("step {step}, loss {}", module.index), module.loss.to_vec()?);
            module.apply()
        };
        network.step_among(
            &sharing,
            batch.input,
            labels.as_deref(),
            &mut draws,
            &mut |rule, signals, draws| rule.update(signals, draws),
            &mut each,
        )?;
    }
    Ok(all)
}

/// What each of `size` ranks comes to.
fn among(config: &str, size: usize, negatives: Negatives) -> Vec<Result<Updates>> {
    let ranks = threads::ranks(size).unwrap();
    std::thread::scope(|scope| {
        let each = |rank| scope.spawn(move || updates(config, Arc::new(rank), negatives));
        let running: Vec<_> = ranks.into_iter().map(each).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn alone(config: &str) -> Result<Updates> {
    updates(config, Arc::new(Alone::default()), Negatives::Global)
}

/// ‖a − b‖ / ‖b‖.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let difference = square(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    let size = square(&mut b.iter().map(|b| f64::from(*b)));
    if difference == 0.0 { 0.0 } else { (difference / size).sqrt() }
}

/// The updates with the names cut to so many words: those of a whole step, or of each of its layers and rules.
fn parts(updates: &Updates, words: usize) -> Updates {
    let mut parts = Updates::new();
    for (name, update) in updates.iter().filter(|(name, _)| !name.contains("loss")) {
        let part = name.splitn(words + 1, [',', '.']).take(words).collect::<Vec<_>>().join(".");
        parts.entry(part).or_default().extend(update);
    }
    parts
}

/// Checks that two and four ranks give the updates of one, up to rounding: to 10⁻⁵ of the size of the first step, and to 5·10⁻⁵ of
/// that of each layer. Most rules stay below 10⁻⁶; `rounding.rs` looks at those that do not. The second step starts from weights that
/// differ by rounding, so it is allowed ten times as much.
fn same(what: &str, config: &str) {
    let one = alone(config).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(one.values().flatten().any(|&value| value != 0.0), "{what} moves nothing");
    for size in [2, 4] {
        for (rank, made) in among(config, size, Negatives::Global).into_iter().enumerate() {
            let made = made.unwrap_or_else(|error| panic!("{what}, rank {rank} of {size}: {error}"));
            assert!(made.keys().eq(one.keys()), "{what}: other updates");
            for (words, most) in [(1, 1e-5), (3, 5e-5)] {
                let expected = parts(&one, words);
                for (part, update) in parts(&made, words) {
                    let (far, most) = (distance(&update, &expected[&part]), most * slack(&part));
                    assert!(far <= most, "{what}, rank {rank} of {size}, {part}: {far:e} apart");
                }
            }
            for (name, loss) in made.iter().filter(|(name, _)| name.contains("loss")) {
                assert!(
                    distance(loss, &one[name]) <= 1e-5 * slack(name),
                    "{what}, rank {rank} of {size}, {name}"
                );
            }
        }
    }
}

/// What a step after the first is allowed more.
fn slack(name: &str) -> f64 {
    if name.starts_with("step 0") { 1.0 } else { 10.0 }
}

/// Configs that a rule may work with, the first of which is taken that does. Each stimulus is presented as often as the
/// rule needs it.
fn candidates(rule: &str) -> Vec<String> {
    let spec: Box<dyn RuleSpec> = toml::from_str(&format!("type = \"{rule}\"")).unwrap();
    let times = spec.demands().presentations.unwrap_or(1);
    let pictures = |views: &str| PICTURES.replace("VIEWS", views).replace("RULE", rule);
    let scenes = SCENES.replace("clapp_s", rule).replace("[2, 2, 2, 2, 2, 2]", "[3, 3, 3, 3, 3, 3]");
    [pictures("1"), pictures("2"), scenes].map(|config| presented(&config, times)).to_vec()
}

#[test]
fn every_rule_learns_on_several_ranks_as_on_one() {
    for rule in plugins(Family::Rule) {
        let configs = candidates(rule.name);
        let works = configs.iter().find(|config| alone(config).is_ok());
        let config = works.unwrap_or_else(|| panic!("{}: {:?}", rule.name, alone(&configs[0]).err()));
        if rule.name != "random" {
            same(rule.name, config);
        }
    }
}

#[test]
fn signals_from_other_modules_and_batches_prepared_anew_are_those_of_one_rank() {
    let two = PICTURES.replace("VIEWS", "2");
    for context in ["top", "both"] {
        same(
            context,
            &two.replace("type = \"RULE\"", &format!("type = \"clapp_pp\"\ncontext = \"{context}\"")),
        );
    }
    let patches = SCENES.replace("[2, 2, 2, 2, 2, 2]", "[3, 3, 3, 3, 3, 3]");
    same("context above", &patches.replace("\"clapp_s\"", "\"clapp_s\"\ncontext = \"above\""));
    let whole = PICTURES.replace("VIEWS", "1");
    same("pairs anew", &whole.replace("\"RULE\"", "\"scff\"\nform = \"position\""));
}

#[test]
fn normalisation_over_the_batch_is_over_all_ranks() {
    let normed = PICTURES.replace("padding = 1, max_pool", "padding = 1, batch_norm = true, max_pool");
    same("softmax", &normed.replace("VIEWS", "2").replace("RULE", "infonce"));
    same("end to end", &normed.replace("VIEWS", "1").replace("RULE", "supervised"));
}

/// Two layers of target propagation, whose inverses learn with this noise.
fn inverses(noise: f32) -> String {
    let layer = |channels: usize| {
        format!(
            "{{ type = \"dtp\", noise = {noise:?}, layer = {{ type = \"dense\", channels = {channels} }} }},"
        )
    };
    let (head, rest) = PICTURES.split_once("    { type = \"conv2d\"").unwrap();
    let rest = rest.split_once("[rule]").unwrap().1;
    let config = format!("{head}{}\n{}\n]\n[rule]{rest}", layer(5), layer(4));
    let config = config.replace("[training]", "[training]\nprecision = \"f32\"");
    config.replace("VIEWS", "1").replace("RULE", "supervised")
}

#[test]
fn noise_of_layers_is_drawn_for_the_batch_of_all_ranks() {
    same("dtp", &inverses(0.36));
}

/// Without draws, the mean over shards of what is a mean over a shard is the mean over the batch.
#[test]
fn means_over_shards_are_means_over_the_batch() {
    let config = inverses(0.0);
    let one = alone(&config).unwrap();
    assert!(one.keys().any(|name| name.contains("inverse")));
    for size in [2, 4] {
        let made = among(&config, size, Negatives::Shard).remove(0).unwrap();
        for (name, update) in one.iter().filter(|(name, _)| name.starts_with("step 0")) {
            let far = distance(&made[name], update);
            assert!(far <= 1e-4, "{size} ranks, {name}: {far:e} apart");
        }
    }
}

#[test]
fn speech_and_clips_are_learned_as_on_one_rank() {
    for rule in ["clapp_s", "clapp", "cpc"] {
        same(&format!("speech, {rule}"), &SPEECH.replace("RULE", rule));
        same(&format!("clips, {rule}"), &CLIPS.replace("RULE", rule));
    }
}

#[test]
fn negatives_of_shards_are_others_and_every_rank_moves_alike() {
    let config = SCENES.replace("[2, 2, 2, 2, 2, 2]", "[3, 3, 3, 3, 3, 3]");
    let one = alone(&config).unwrap();
    let made: Vec<Updates> =
        among(&config, 2, Negatives::Shard).into_iter().map(|made| made.unwrap()).collect();
    assert_eq!(made[0], made[1]);
    let first = one.iter().find(|(name, _)| name.contains("layer.5.weight")).unwrap();
    let (far, size) = (distance(&made[0][first.0], first.1), first.1.len());
    assert!(far > 1e-3 && far < 3.0 && size > 0, "{far}");
}

#[test]
fn a_batch_that_ranks_cannot_share_is_refused() {
    let error = among(SCENES, 3, Negatives::Global).remove(0).unwrap_err().to_string();
    assert!(
        error.contains("training.batch: 8 stimuli cannot be shared by 3 ranks")
            && error.contains("such as 9"),
        "{error}"
    );
}

/// A config in which each stimulus is presented this often.
fn presented(config: &str, times: usize) -> String {
    let config = config.replacen("[training]\n", &format!("[training]\npresentations = {times}\n"), 1);
    assert!(config.contains("presentations"));
    config
}

#[test]
fn presentations_of_a_stimulus_are_learned_as_on_one_rank() {
    same("presentations", &presented(SCENES, 2));
}

/// Why each of four ranks is refused with these negatives; empty if it is not.
fn refusals(config: &str, negatives: &str) -> Vec<String> {
    let config = config.replacen("[training]\n", &format!("[training]\nnegatives = \"{negatives}\"\n"), 1);
    let fits = |rank| {
        let experiment = Experiment::open(Config::parse(&config, "config.toml")?)?;
        let network = experiment.network(&Device::open()?)?;
        plasticity_lab::run::fits_ranks(&(Arc::new(rank) as Arc<dyn Collective>), &experiment, &network)
    };
    let (ranks, fits) = (threads::ranks(4).unwrap(), &fits);
    let found: Vec<Result<()>> = std::thread::scope(|scope| {
        let running: Vec<_> = ranks.into_iter().map(|rank| scope.spawn(move || fits(rank))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let why = |fits: Result<()>| fits.err().map(|error| error.to_string()).unwrap_or_default();
    found.into_iter().map(why).collect()
}

#[test]
fn a_shard_that_splits_presentations_or_is_too_small_for_the_rule_is_refused() {
    let presented = presented(SCENES, 4);
    let few = SCENES.replace("\"clapp_s\"", "\"clapp\"").replace("batch = 8", "batch = 4");
    for (config, message) in [
        (&presented, "training.presentations: a rank's shard of 2"),
        (
            &few,
            "training.negatives: leaves a rank's shard of 1, but the rule compares stimuli and needs at least 2",
        ),
    ] {
        let shard = refusals(config, "shard");
        assert!(shard.iter().all(|error| error.contains(message)), "{shard:?}");
        assert!(refusals(config, "global").iter().all(String::is_empty));
    }
}

#[test]
fn each_rank_needs_memory_for_its_part_of_a_batch() {
    let bytes = |batch: usize, ranks: usize| {
        let config = SCENES.replace("batch = 8", &format!("batch = {batch}\nthreads = 1"));
        let experiment = Experiment::open(Config::parse(&config, "config.toml").unwrap()).unwrap();
        experiment.among(ranks).memory(&Device::open().unwrap()).unwrap().bytes()
    };
    assert_eq!(bytes(8, 2), bytes(4, 1));
    assert!(bytes(8, 1) > bytes(4, 1));
}
