//! `plasticity analyse RUN…`: measures the features of layers, and how similar layers and runs are.

use crate::examined::{Examined, Extent};
use crate::exit::Exit;
use crate::options::Overrides;
use crate::output;
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_lab::analysis::{Gram, LayerSummary, PredictionAlignment};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Arguments of `analyse`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folders of runs; all must have the same number of layers and the same stimuli
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The largest number of test stimuli; if there are more, a subset spread evenly over them is used
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(8..))]
    stimuli: u64,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// The measures of all runs.
#[derive(Debug, Serialize)]
struct Analysis {
    runs: Vec<OfRun>,
    /// Linear CKA of the same layer of two runs.
    between: Vec<Between>,
}

#[derive(Debug, Serialize)]
struct OfRun {
    run: PathBuf,
    step: u64,
    stimuli: usize,
    trained: Vec<LayerSummary>,
    untrained: Vec<LayerSummary>,
    /// Linear CKA of every layer with itself before training.
    cka_with_untrained: Vec<Option<f64>>,
    /// Linear CKA of all pairs of layers.
    cka: Vec<Vec<Option<f64>>>,
    /// Alignment of W_pred with W_retroᵀ, step by step.
    prediction_alignment: Vec<Stage>,
}

#[derive(Debug, Serialize)]
struct Stage {
    step: u64,
    modules: Vec<PredictionAlignment>,
}

#[derive(Debug, Serialize)]
struct Between {
    runs: [PathBuf; 2],
    /// Layer by layer.
    cka: Vec<Option<f64>>,
}

/// Measures and prints.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let device = Device::open()?;
    let extent = Extent { stimuli: usize::try_from(arguments.stimuli).unwrap_or(usize::MAX), drivers: 0 };
    let runs = Examined::all(&arguments.runs, &arguments.overrides.set, extent, &device)?;
    let mut between = Vec::new();
    for (index, one) in runs.iter().enumerate() {
        for other in &runs[index + 1..] {
            let cka = ckas(&one.trained.grams, &other.trained.grams)?;
            between.push(Between { runs: [one.loaded.folder.clone(), other.loaded.folder.clone()], cka });
        }
    }
    let analysis = Analysis { runs: runs.iter().map(of_run).collect::<Result<_>>()?, between };
    output::print(&if arguments.json { output::json(&analysis)? } else { text(&analysis) })?;
    Ok(Exit::Success)
}

/// Linear CKA of each layer of one network with the same layer of another.
pub fn ckas(one: &[Gram], other: &[Gram]) -> Result<Vec<Option<f64>>> {
    one.iter().zip(other).map(|(one, other)| one.cka(other)).collect()
}

fn of_run(run: &Examined) -> Result<OfRun> {
    let grams = &run.trained.grams;
    let row = |one: &Gram| grams.iter().map(|other| one.cka(other)).collect::<Result<Vec<_>>>();
    let stage =
        |(step, modules): &(u64, Vec<PredictionAlignment>)| Stage { step: *step, modules: modules.clone() };
    Ok(OfRun {
        run: run.loaded.folder.clone(),
        step: run.loaded.step(),
        stimuli: run.stimuli.len(),
        trained: run.trained.layers.clone(),
        untrained: run.untrained.layers.clone(),
        cka_with_untrained: ckas(grams, &run.untrained.grams)?,
        cka: grams.iter().map(row).collect::<Result<_>>()?,
        prediction_alignment: run.alignment.iter().map(stage).collect(),
    })
}

fn text(analysis: &Analysis) -> String {
    let mut parts: Vec<String> = analysis.runs.iter().flat_map(tables).collect();
    if !analysis.between.is_empty() {
        let layers = analysis.between.iter().map(|pair| pair.cka.len()).max().unwrap_or(0);
        let head =
            std::iter::once("CKA between runs".to_owned()).chain((1..=layers).map(|l| format!("layer {l}")));
        let row = |pair: &Between| {
            let [one, other] = pair.runs.each_ref().map(|run| named(run));
            std::iter::once(format!("{one} – {other}"))
                .chain(pair.cka.iter().map(|cka| shown(*cka, 2)))
                .collect()
        };
        let rows: Vec<Vec<String>> = analysis.between.iter().map(row).collect();
        parts.push(output::table(&head.collect::<Vec<_>>(), &rows));
    }
    parts.join("\n\n")
}

fn named(run: &Path) -> String {
    run.display().to_string()
}

fn tables(run: &OfRun) -> Vec<String> {
    let head = [
        "layer",
        "dimension",
        "untrained",
        "dead %",
        "untrained",
        "lifetime sparseness",
        "untrained",
        "class selectivity",
        "untrained",
        "CKA with untrained",
    ];
    let rows: Vec<Vec<String>> = run
        .trained
        .iter()
        .zip(&run.untrained)
        .zip(&run.cka_with_untrained)
        .map(|((now, before), cka)| {
            vec![
                now.layer.to_string(),
                format!("{:.1}", now.dimension),
                format!("{:.1}", before.dimension),
                format!("{:.1}", now.dead),
                format!("{:.1}", before.dead),
                shown(now.lifetime_sparseness, 2),
                shown(before.lifetime_sparseness, 2),
                shown(now.class_selectivity, 2),
                shown(before.class_selectivity, 2),
                shown(*cka, 2),
            ]
        })
        .collect();
    let caption = format!("{}, step {}, {} test stimuli", named(&run.run), run.step, run.stimuli);
    let mut tables = vec![format!("{caption}\n\n{}", output::table(&head.map(str::to_owned), &rows))];
    let layers = (1..=run.cka.len()).map(|layer| format!("layer {layer}"));
    let head: Vec<String> = std::iter::once("CKA".to_owned()).chain(layers.clone()).collect();
    let row = |(name, of): (String, &Vec<Option<f64>>)| -> Vec<String> {
        std::iter::once(name).chain(of.iter().map(|cka| shown(*cka, 2))).collect()
    };
    tables.push(output::table(&head, &layers.zip(&run.cka).map(row).collect::<Vec<_>>()));
    let modules = run.prediction_alignment.first().map_or(0, |stage| stage.modules.len());
    if modules > 0 {
        let steps = run.prediction_alignment.iter().map(|stage| format!("step {}", stage.step));
        let head: Vec<String> = std::iter::once("cos(W_pred, W_retroᵀ)".to_owned()).chain(steps).collect();
        let row = |module: usize| -> Vec<String> {
            let of = |stage: &Stage| stage.modules.get(module).map(|found| found.cosine);
            let cosines = run.prediction_alignment.iter().map(|stage| shown(of(stage), 3));
            std::iter::once(format!("module {}", module + 1)).chain(cosines).collect()
        };
        tables.push(output::table(&head, &(0..modules).map(row).collect::<Vec<_>>()));
    }
    tables
}

fn shown(value: Option<f64>, places: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.places$}"))
}
