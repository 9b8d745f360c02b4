//! `metrics.csv`: the records as a table.

use super::Record;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A line for each record: step, epoch, the loss of every module, the surprise of modules whose
/// rule has a gate, and the measures, each under its name. Missing values are empty.
pub(super) fn csv(records: &[Record]) -> String {
    let modules = records.iter().map(|record| record.loss.len()).max().unwrap_or(0);
    let names: BTreeSet<&str> =
        records.iter().flat_map(|record| record.measures.keys()).map(String::as_str).collect();
    let head = ["step".to_owned(), "epoch".to_owned()].into_iter();
    let head = head.chain((1..=modules).map(|module| format!("loss/module_{module}")));
    let gates = records.iter().map(|record| record.surprise.len()).max().unwrap_or(0);
    let head = head.chain((1..=gates).map(|module| format!("surprise/module_{module}")));
    let head: Vec<String> = head.chain(names.iter().map(|name| (*name).to_owned())).collect();
    let mut text = head.join(",") + "\n";
    for Record { step, epoch, loss, surprise, measures } in records {
        let cell = |value: Option<String>| value.unwrap_or_default();
        let losses = (0..modules).map(|module| cell(loss.get(module).map(f32::to_string)));
        let gated = (0..gates).map(|module| cell(surprise.get(module).map(f32::to_string)));
        let others = names.iter().map(|name| cell(measures.get(*name).map(f64::to_string)));
        let cells: Vec<String> = losses.chain(gated).chain(others).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{step},{epoch},{}", cells.join(","));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_lacks_is_left_empty() {
        let measures = [("probe/layer_1/raw".to_owned(), 40.5)].into_iter().collect();
        let records = [
            Record {
                step: 20,
                epoch: 0,
                loss: vec![1.5, 2.0],
                surprise: vec![],
                measures: Default::default(),
            },
            Record { step: 30, epoch: 1, loss: vec![0.25], surprise: vec![0.5], measures },
        ];
        assert_eq!(
            csv(&records),
            "step,epoch,loss/module_1,loss/module_2,surprise/module_1,probe/layer_1/raw\n20,0,1.5,2,,\n30,1,0.25,,0.5,40.5\n"
        );
    }
}
