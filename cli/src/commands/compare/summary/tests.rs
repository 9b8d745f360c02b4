//! Comparisons of invented reports.

use super::*;
use plasticity_lab::probe::FeatureStatistics;

fn layer(name: &str, accuracy: f64) -> LayerProbe {
    LayerProbe {
        name: name.to_owned(),
        scores: vec![Score { probe: ProbeKind::Raw, accuracy, untrained: 30.0, top5: None, chosen: None }],
        chance: 12.5,
        majority: 12.5,
        features: FeatureStatistics::default(),
        untrained_features: FeatureStatistics::default(),
    }
}

/// The text with single blanks, independent of the width of columns.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn values_stand_below_the_names_of_their_layers() {
    let cell =
        |of: &str| Cell { config: "".into(), of: Some(of.to_owned()), assignments: Vec::new(), seed: 1 };
    let report = |layers: &[(&str, f64)]| Report {
        step: 9,
        layers: layers.iter().map(|(name, accuracy)| layer(name, *accuracy)).collect(),
        goodness: None,
        fingerprint: String::new(),
        ended: None,
    };
    let cells = [cell("images"), cell("speech")];
    let reports =
        [report(&[("1", 41.0), ("all", 42.0)]), report(&[("mfcc", 43.0), ("1", 44.0), ("2", 45.0)])];
    let reports: Vec<_> = cells.iter().zip(reports).collect();
    let text = summarise(&reports).markdown();
    let row = |name: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.contains(name)).unwrap();
        line.split('|').map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
    };
    assert_eq!(
        row("accuracy"),
        ["raw features, accuracy %", "steps", "mfcc", "layer 1", "layer 2", "all layers"]
    );
    assert_eq!(
        (row("images"), row("speech")),
        (
            ["images", "9", "41.0", "42.0"].map(str::to_owned).to_vec(),
            ["speech", "9", "43.0", "44.0", "45.0"].map(str::to_owned).to_vec(),
        )
    );
    assert!(squeezed(&text).contains("| images | 9 | | 41.0 | | 42.0 |"), "{text}");
}

#[test]
fn seeds_are_gathered_into_mean_and_spread() {
    let cell = |rule: &str, seed| Cell {
        config: "c.toml".into(),
        of: None,
        assignments: vec![format!("rule={rule}")],
        seed,
    };
    let report = |accuracy| Report {
        step: 9,
        layers: vec![layer("1", accuracy)],
        goodness: None,
        fingerprint: String::new(),
        ended: None,
    };
    let cells = [cell("cpc", 1), cell("cpc", 2), cell("clapp", 1), cell("clapp", 2)];
    let reports: Vec<_> =
        cells.iter().zip([40.0, 42.0, 50.0, 50.0]).map(|(cell, a)| (cell, report(a))).collect();
    let text = squeezed(&summarise(&reports).markdown());
    assert!(text.contains("| untrained | 0 | 30.0 ± 0.0 |"), "{text}");
    assert!(text.contains("| gain | | +11.0 ± 1.4 |"), "{text}");
    assert!(text.contains("| rule=cpc | 9 | 41.0 ± 1.4 |"), "{text}");
    assert!(text.contains("seeds 1, 2; chance 12.5 %"), "{text}");

    let text = squeezed(&summarise(&reports[1..]).markdown());
    assert!(text.contains("| rule=cpc, seeds 2 | 9 | 42.0 |"), "{text}");
    assert!(text.contains("| rule=clapp | 9 | 50.0 ± 0.0 |"), "{text}");
    assert!(text.contains("over seeds 1, 2; chance"), "{text}");
}

/// Reports of two rules over three seeds, of one layer.
fn two_rules() -> Vec<(Cell, Report)> {
    let mut all = Vec::new();
    for (rule, accuracies) in [("cpc", [40.0, 42.0, 44.0]), ("clapp", [41.0, 44.0, 47.0])] {
        for (seed, accuracy) in (1..).zip(accuracies) {
            let assignments = vec![format!("rule={rule}")];
            let cell = Cell { config: "c.toml".into(), of: None, assignments, seed };
            all.push((
                cell,
                Report {
                    step: 9,
                    layers: vec![layer("1", accuracy)],
                    goodness: None,
                    fingerprint: String::new(),
                    ended: None,
                },
            ));
        }
    }
    all
}

fn table(reports: &[(Cell, Report)]) -> Table {
    summarise(&reports.iter().map(|(cell, report)| (cell, report.clone())).collect::<Vec<_>>())
}

/// Differences 1, 2, 3: mean 2, deviation 1, and 4.303 / √3 = 2.484 on each side.
#[test]
fn rows_differ_seed_by_seed_with_an_interval() {
    let table = table(&two_rules());
    let json = serde_json::to_value(&table).unwrap();
    let found = &json["differences"][0];
    assert_eq!(found["row"], "rule=clapp");
    assert_eq!(found["from"], "rule=cpc");
    assert_eq!(found["probes"][0]["difference"][0]["each"], serde_json::json!([1.0, 2.0, 3.0]));
    let interval = &found["probes"][0]["difference"][0]["interval"];
    assert!((interval[0].as_f64().unwrap() + 0.4843).abs() < 1e-3, "{interval}");
    assert!((interval[1].as_f64().unwrap() - 4.4843).abs() < 1e-3, "{interval}");
    let text = squeezed(&table.markdown());
    assert!(text.contains("| rule=clapp | +2.0 [−0.5, +4.5] |"), "{text}");
    assert_eq!(json["rows"][0]["probes"][0]["gain"][0]["each"], serde_json::json!([10.0, 12.0, 14.0]));
}

#[test]
fn a_single_seed_has_no_mean_no_interval_and_no_differences() {
    let reports: Vec<_> = two_rules().into_iter().filter(|(cell, _)| cell.seed == 2).collect();
    let text = table(&reports).markdown();
    assert!(
        text.contains("Seed 2; chance 12.5 %") && !text.contains("Mean") && !text.contains("interval"),
        "{text}"
    );
}

#[test]
fn csv_has_a_line_for_every_seed_and_layer() {
    let mut reports = two_rules();
    reports[0].0.assignments = vec![r#"rule={type="cpc",negatives=3}"#.to_owned()];
    let text = table(&reports).csv();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "probe,cell,layer,seed,steps,accuracy,untrained,gain,chance,majority");
    assert_eq!(lines[1], "raw,rule=cpc (negatives=3),1,1,9,40,30,10,12.5,12.5");
    assert_eq!(lines.len(), 7);
    reports[0].0.assignments = vec!["rule.sizes=[1,2]".to_owned()];
    assert!(table(&reports).csv().contains("raw,\"rule.sizes=[1,2]\",1,1,9,"));
}

#[test]
fn seeds_that_end_at_different_steps_are_told_apart() {
    let mut reports = two_rules();
    reports[1].1.step = 5;
    let table = table(&reports);
    assert!(squeezed(&table.markdown()).contains("| rule=cpc | 5–9 | 42.0 ± 2.0 |"), "{}", table.markdown());
    assert!(table.latex().contains("rule=cpc & 5--9 & "), "{}", table.latex());
    let csv = table.csv();
    assert!(csv.contains("raw,rule=cpc,1,1,9,") && csv.contains("raw,rule=cpc,1,2,5,"), "{csv}");
}

#[test]
fn the_majority_class_stands_beside_a_chance_that_it_differs_from() {
    let mut reports = two_rules();
    let table_of = table(&reports);
    assert!(!table_of.markdown().contains("majority") && !table_of.svg().unwrap().contains("majority"));
    for (_, report) in &mut reports {
        report.layers[0].majority = 20.0;
    }
    reports[2].1.layers[0].majority = 20.3;
    let table = table(&reports);
    assert!(
        table.markdown().contains("; chance 12.5 %, majority class 20.1, 20.0 %."),
        "{}",
        table.markdown()
    );
    assert!(table.csv().contains("raw,rule=cpc,1,3,9,44,30,14,12.5,20.3\n"), "{}", table.csv());
    let json = serde_json::to_value(&table).unwrap();
    assert_eq!(json["rows"][0]["majority"], serde_json::json!([20.0, 20.0, 20.3]));
    let levels = table.by_layer(ProbeKind::Raw).levels;
    let names: Vec<&str> = levels.iter().map(|level| level.name.as_str()).collect();
    assert_eq!(names, ["chance", "majority class", "majority class, rule=clapp"]);
}

#[test]
fn signs_of_latex_and_losses_of_accuracy_are_written_as_such() {
    let mut reports = two_rules();
    for (cell, report) in &mut reports {
        cell.assignments[0] += "<|>";
        report.layers[0].scores[0].untrained = 50.0;
    }
    let table = table(&reports);
    let latex = table.latex();
    assert!(latex.contains(r"rule=cpc\textless{}\textbar{}\textgreater{} & 9 & 42.0"), "{latex}");
    assert!(latex.contains(r"gain &  & $-$8.0 $\pm$ 2.0 \\"), "{latex}");
    assert!(table.markdown().contains(r"| rule=cpc<\|> "), "{}", table.markdown());
}

#[test]
fn a_plot_has_layers_in_the_order_of_the_network() {
    let mut reports = two_rules();
    reports.retain(|(cell, _)| cell.seed == 1);
    let layers = |names: &[&str]| -> Vec<LayerProbe> { names.iter().map(|name| layer(name, 40.0)).collect() };
    reports[0].1.layers = layers(&["input", "2"]);
    reports[1].1.layers = layers(&["3", "10", "1", "2"]);
    let plot = table(&reports).by_layer(ProbeKind::Raw);
    assert_eq!(plot.layers, ["1", "2", "3", "10"]);
    let places = |row: usize| plot.trained[row].1.iter().map(|point| point.x).collect::<Vec<_>>();
    assert_eq!((places(0), places(1)), (vec![2.0], vec![1.0, 2.0, 3.0, 4.0]));
}

#[test]
fn latex_and_plain_text_have_the_same_cells() {
    let table = table(&two_rules());
    let latex = table.latex();
    assert!(latex.contains(r"rule=cpc & 9 & 42.0 $\pm$ 2.0 \\"), "{latex}");
    assert!(latex.contains(r"raw features, accuracy \%"), "{latex}");
    assert_eq!(latex.matches(r"\begin{tabular}{lrr}").count(), 1, "{latex}");
    let text = table.text();
    assert!(
        text.lines().any(|line| squeezed(line) == "rule=cpc 9 42.0 ± 2.0") && !text.contains('|'),
        "{text}"
    );
    assert!(text.lines().any(|line| line.starts_with("  gain ")), "{text}");
}

#[test]
fn a_plot_has_a_line_for_each_row_beside_the_untrained_network_and_chance() {
    let reports = two_rules();
    let reports: Vec<_> = reports.iter().map(|(cell, report)| (cell, report.clone())).collect();
    let svg = summarise(&reports).svg().unwrap();
    for word in ["rule=cpc", "rule=clapp", "untrained", "chance", "test accuracy, % (raw)", "layer"] {
        assert!(svg.contains(word), "{word}: {svg}");
    }
    assert_eq!(
        svg.matches("<polygon").count(),
        2,
        "a band for each rule: the untrained networks are all alike"
    );
    assert_eq!((svg.matches("<svg").count(), svg.matches("</svg>").count()), (2, 2));
    let mut other = reports;
    other.iter_mut().filter(|(cell, _)| cell.name() == "rule=clapp").for_each(|(_, report)| {
        report.layers[0].scores[0].untrained = 20.0;
    });
    assert!(summarise(&other).svg().unwrap().contains("untrained, rule=cpc"));
    assert!(!svg.contains("chance, "), "both rows have the same chance: {svg}");
    other.iter_mut().filter(|(cell, _)| cell.name() == "rule=clapp").for_each(|(_, report)| {
        report.layers.insert(0, layer("input", 21.0));
        report.layers[0].chance = 25.0;
    });
    let svg = summarise(&other).svg().unwrap();
    for word in ["chance, rule=clapp", "stimuli themselves"] {
        assert!(svg.contains(word), "{word}: {svg}");
    }
}
