//! The read-out of every layer of some runs, beside the untrained network, as an SVG.
//!
//! `cargo run --release -p plasticity --example readout_figure -- OUT.svg NAME=RUN[,RUN…]… [NAME=PERCENT]…`, after
//! `plasticity probe` of each run. A line is the mean of its runs (several seeds), with a bar of one standard deviation up
//! and down. All lines must have the same layers and the same seeds, and so the same untrained networks. What is read out
//! beside the layers, such as MFCC, is a dashed line; so is each `NAME=PERCENT`, in place of chance.

use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

const LEFT: f64 = 56.0;
const RIGHT: f64 = 470.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 240.0;
const COLOURS: [&str; 6] = ["#2b7bba", "#d1662a", "#3f8f4f", "#8757a8", "#b03a48", "#6b6f76"];

/// One line of the figure: its name, and for each layer the mean and the standard deviation in percent.
struct Line {
    name: String,
    values: Vec<f64>,
    spread: Vec<f64>,
}

impl Line {
    /// From a value of each layer for each run.
    fn new(name: String, runs: &[Vec<f64>]) -> Self {
        let count = runs.len() as f64;
        let over = |layer: usize, of: &dyn Fn(f64) -> f64| -> f64 {
            runs.iter().filter_map(|run| run.get(layer)).map(|value| of(*value)).sum()
        };
        let layers = 0..runs.first().map_or(0, Vec::len);
        let values: Vec<f64> = layers.map(|layer| over(layer, &|value| value) / count).collect();
        let spread = values.iter().enumerate().map(|(layer, mean)| {
            (over(layer, &|value| (value - mean).powi(2)) / (count - 1.0).max(1.0)).sqrt()
        });
        Self { spread: spread.collect(), values, name }
    }

    fn level(name: String, value: f64) -> Self {
        Self::new(name, &[vec![value]])
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, named @ ..] = arguments.as_slice() else {
        return Err("usage: readout_figure OUT.svg NAME=RUN[,RUN…]…".into());
    };
    let (mut lines, mut levels): (Vec<Line>, Vec<Line>) = (Vec::new(), Vec::new());
    let (mut layers, mut names, mut given) = (Vec::new(), Vec::new(), Vec::new());
    for one in named {
        let (name, runs) = one.split_once('=').ok_or_else(|| format!("{one}: say NAME=RUN"))?;
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        if let Ok(percent) = runs.parse() {
            given.push(Line::level(name, percent));
            continue;
        }
        let (mut trained, mut untrained, mut beside, mut chance) = (vec![], vec![], vec![], 0.0);
        for run in runs.split(',') {
            let report: Value = serde_json::from_str(&read(run, "probe.json")?)?;
            let rows = report["layers"].as_array().ok_or("probe.json has no layers")?;
            let (inside, others): (Vec<&Value>, Vec<&Value>) =
                rows.iter().partition(|row| text(row, "name").starts_with(char::is_numeric));
            let column =
                |key: &str| -> Vec<f64> { inside.iter().map(|row| number(score(row), key)).collect() };
            trained.push(column("accuracy"));
            untrained.push(column("untrained"));
            chance = inside.iter().map(|row| number(row, "chance")).fold(chance, f64::max);
            layers = inside.iter().map(|row| text(row, "name")).collect();
            beside.push(others.iter().map(|row| number(score(row), "accuracy")).collect());
            let config: toml::Table = read(run, "config.toml")?.parse()?;
            let gru = config.get("encoder").and_then(|encoder| encoder.get("gru")?.as_integer());
            if let (Some(1..), Some(last)) = (gru, layers.last_mut()) {
                "GRU".clone_into(last);
            }
            names = others.iter().map(|row| text(row, "name").to_uppercase()).collect();
        }
        let untrained = Line::new("untrained".to_owned(), &untrained);
        match lines.first() {
            None => {
                let means = Line::new(String::new(), &beside).values;
                levels = std::mem::take(&mut names)
                    .into_iter()
                    .zip(means)
                    .map(|(n, v)| Line::level(n, v))
                    .collect();
                levels.push(Line::level("chance".to_owned(), chance));
                lines.push(untrained);
            }
            Some(first) if first.values.iter().zip(&untrained.values).all(|(a, b)| (a - b).abs() < 1e-6) => {}
            Some(_) => return Err(format!("{name}: its untrained networks are others").into()),
        }
        lines.push(Line::new(name, &trained));
    }
    if layers.is_empty() {
        return Err("name a run at least".into());
    }
    if !given.is_empty() {
        levels.pop();
        levels.extend(given);
    }
    std::fs::write(out, figure(&lines, &layers, &levels)?)?;
    Ok(())
}

fn read(run: &str, file: &str) -> Result<String, String> {
    let path = Path::new(run).join(file);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or("?").to_owned()
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or(f64::NAN)
}

fn figure(lines: &[Line], layers: &[String], levels: &[Line]) -> Result<String, std::fmt::Error> {
    let all = lines.iter().chain(levels).flat_map(|line| line.values.iter().copied());
    let top = (all.fold(0.0, f64::max) / 10.0).ceil() * 10.0;
    let y = |percent: f64| BOTTOM - (BOTTOM - TOP) * percent / top;
    let tick =
        |layer: usize| LEFT + 20.0 + (RIGHT - LEFT - 40.0) * layer as f64 / (layers.len().max(2) - 1) as f64;
    let x = |layer: usize, line: usize| tick(layer) + 4.0 * (line as f64 - (lines.len() - 1) as f64 / 2.0);
    let mut svg = String::new();
    svg.push_str(
        "<svg viewBox=\"0 0 600 300\" width=\"600\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" ",
    );
    svg.push_str("font-family=\"system-ui, sans-serif\" font-size=\"13\">\n");
    svg.push_str("<rect width=\"600\" height=\"300\" rx=\"8\" fill=\"#ffffff\"/>\n");
    for percent in (0..=top as u32).step_by(10) {
        let (at, end) = (y(f64::from(percent)), LEFT - 8.0);
        writeln!(svg, "<path d=\"M{LEFT} {at:.1} H{RIGHT}\" stroke=\"#dddddd\"/>")?;
        writeln!(
            svg,
            "<text x=\"{end}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333333\">{percent}</text>",
            at + 4.0
        )?;
    }
    for (index, layer) in layers.iter().enumerate() {
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"258\" text-anchor=\"middle\" fill=\"#333333\">{layer}</text>",
            tick(index)
        )?;
    }
    svg.push_str("<text x=\"263\" y=\"284\" text-anchor=\"middle\" fill=\"#333333\">layer</text>\n");
    svg.push_str(
        "<text x=\"12\" y=\"22\" fill=\"#333333\">% of the test named right by a linear classifier</text>\n",
    );
    let dashed = "stroke=\"#888888\" stroke-dasharray=\"2 4\"";
    for level in levels.iter().flat_map(|level| level.values.first()) {
        writeln!(svg, "<path d=\"M{LEFT} {0:.1} H{RIGHT}\" {dashed}/>", y(*level))?;
    }
    // Names stand where their lines end, from the top down, and never on one another.
    let at = |level: &Line| level.values.first().map_or(BOTTOM, |value| y(*value));
    let mut names: Vec<(f64, &str, &str)> =
        levels.iter().map(|level| (at(level), level.name.as_str(), "#888888")).collect();
    for (line, index) in lines.iter().zip(0_usize..) {
        let colour = if index == 0 { "#888888" } else { COLOURS[(index - 1) % COLOURS.len()] };
        let points: Vec<String> = line
            .values
            .iter()
            .enumerate()
            .map(|(layer, &v)| format!("{:.1},{:.1}", x(layer, index), y(v)))
            .collect();
        writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        )?;
        for (layer, (mean, spread)) in line.values.iter().zip(&line.spread).enumerate() {
            // Lines stand a little beside each other, so that their bars can be told apart.
            let (at, from, to) = (x(layer, index), y(mean - spread), y(mean + spread));
            writeln!(svg, "<path d=\"M{at:.1} {from:.1} V{to:.1}\" stroke=\"{colour}\"/>")?;
            writeln!(svg, "<circle cx=\"{at:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"/>", y(*mean))?;
        }
        names.push((line.values.last().map_or(BOTTOM, |&v| y(v)), &line.name, colour));
    }
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = TOP;
    for (at, name, colour) in names {
        let at = at.max(free);
        free = at + 17.0;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
            RIGHT + 8.0,
            at + 4.0
        )?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// A layer's probe on standardised features, or the only one that it has.
fn score(row: &Value) -> &Value {
    let scores = row["scores"].as_array().map_or(&[][..], Vec::as_slice);
    let standardised = scores.iter().find(|score| score["probe"] == "standardised");
    standardised.or(scores.first()).unwrap_or(&Value::Null)
}
