//! On an NVIDIA GPU.

use super::{Gathered, PairDendrites};
use crate::device::cuda::{Kernels, Launch, size};
use crate::device::{Buffer, Device, Indices};
use crate::error::{Error, Result};
use crate::pairs::{Pairs, Scores};
use crate::rows::Rows;

static KERNELS: Kernels = Kernels {
    name: "plasticity_pairs",
    source: concat!(include_str!("../thread.cuh"), include_str!("kernel.cu")),
    functions: &[
        "pair_scores",
        "pair_gather",
        "pair_count",
        "pair_starts",
        "pair_list",
        "pair_sort",
        "pair_targets",
    ],
};

/// Threads of a block, which computes one row.
const THREADS: u32 = 128;

/// The largest number of pairs of a period without lists by target: `FEW` in kernel.cu.
const FEW: usize = 1024;

/// Scores of sampled pairs: U\[r, 0\] = P_r · Z_r, and U\[r, 1 + n\] = P_r · Z of the row's saccade n, where P
/// `[rows, width]` is the dendritic prediction of each context row.
///
/// # Errors
/// If the buffers do not fit the pairs.
pub fn pair_scores(prediction: &Buffer, target: Rows, pairs: &Pairs) -> Result<Scores> {
    let sampled = pairs.sampled_saccades()?;
    let from = checked(prediction, target, pairs)?;
    let (device, columns) = (prediction.device(), pairs.columns());
    let mut values = Buffer::unset(device, pairs.rows * columns)?;
    let launch = Launch::new(device, &KERNELS, "pair_scores")?
        .pointer(prediction.pointer()?)
        .pointer(from)
        .pointer(sampled.on_device().pointer())
        .pointer(values.pointer_mut()?)
        .value(size(pairs.rows)?)
        .value(size(sampled.period())?)
        .value(size(sampled.count())?)
        .value(size(target.channels)?);
    // SAFETY: (P, Z, index, U, rows, period, count, width), one warp per pair; lengths and indices were checked.
    unsafe { launch.each(pairs.rows * columns * 32)? };
    Ok(Scores { values, rows: pairs.rows, columns })
}

/// The dendritic sums for the modulation γ of sampled pairs: Σ γ · P for target rows, Σ γ · Z for context rows,
/// each if requested.
///
/// # Errors
/// If the buffers do not fit the pairs.
pub fn pair_dendrites(
    gamma: &Scores,
    prediction: &Buffer,
    target: Rows,
    pairs: &Pairs,
    want: (bool, bool),
) -> Result<PairDendrites> {
    let sampled = pairs.sampled_saccades()?;
    let from = checked(prediction, target, pairs)?;
    let (device, width) = (prediction.device(), target.channels);
    let (index, period, count) = (sampled.on_device(), sampled.period(), sampled.count());
    if gamma.values.len() != pairs.rows * pairs.columns() {
        let message =
            format!("expected {} × {} modulations, got {}", pairs.rows, pairs.columns(), gamma.values.len());
        return Err(Error::shape("pairs", message));
    }
    let gathered = if want.1 {
        let mut values = Buffer::unset(device, pairs.rows * width)?;
        let launch = Launch::new(device, &KERNELS, "pair_gather")?
            .pointer(gamma.values.pointer()?)
            .pointer(from)
            .pointer(index.pointer())
            .pointer(values.pointer_mut()?)
            .value(size(period)?)
            .value(size(count)?)
            .value(size(width)?);
        // SAFETY: (γ, Z, index, out, period, count, width), one block per row; lengths and indices were checked.
        unsafe { launch.run([pairs.rows, 1, 1], [THREADS, 1, 1], 0)? };
        Some(Gathered { values, active: None })
    } else {
        None
    };
    let target = if want.0 {
        let lists = (period * count > FEW).then(|| by_target(index, period, device)).transpose()?;
        let [starts, list] =
            lists.as_ref().map_or([0, 0], |[starts, list]| [starts.pointer(), list.pointer()]);
        let mut values = Buffer::unset(device, pairs.rows * width)?;
        let launch = Launch::new(device, &KERNELS, "pair_targets")?
            .pointer(gamma.values.pointer()?)
            .pointer(prediction.pointer()?)
            .pointer(index.pointer())
            .pointer(starts)
            .pointer(list)
            .pointer(values.pointer_mut()?)
            .value(size(period)?)
            .value(size(count)?)
            .value(size(width)?);
        // SAFETY: (γ, P, index, starts, list, out, period, count, width), one block per row; the lists hold all
        // pairs of a period, or are null where these are at most FEW.
        unsafe { launch.run([pairs.rows, 1, 1], [THREADS, 1, 1], 0)? };
        Some(values)
    } else {
        None
    };
    Ok(PairDendrites { target, gathered })
}

/// `[period + 1]` and `[pairs]`: where the list of saccades to each row of a period starts, and the lists.
fn by_target(index: &Indices, rows: usize, device: &Device) -> Result<[Indices; 2]> {
    let pairs = index.len();
    let counts = Indices::zeros(device, rows)?;
    let [starts, next, list] =
        [Indices::unset(device, rows + 1)?, Indices::unset(device, rows)?, Indices::unset(device, pairs)?];
    let launch = |name| Launch::new(device, &KERNELS, name);
    let (rows_u32, pairs_u64) = (size(rows)?, pairs as u64);
    size(pairs)?;
    // SAFETY: the arguments are those that kernel.cu declares; every index is below `rows`, so that the counts
    // add up to `pairs` and the lists fill `list` exactly.
    unsafe {
        launch("pair_count")?
            .pointer(index.pointer())
            .pointer(counts.pointer())
            .value(pairs_u64)
            .each(pairs)?;
        launch("pair_starts")?
            .pointer(counts.pointer())
            .pointer(starts.pointer())
            .pointer(next.pointer())
            .value(rows_u32)
            .run([1, 1, 1], [1024, 1, 1], 0)?;
        launch("pair_list")?
            .pointer(index.pointer())
            .pointer(next.pointer())
            .pointer(list.pointer())
            .value(pairs_u64)
            .each(pairs)?;
        launch("pair_sort")?.pointer(starts.pointer()).pointer(list.pointer()).value(rows_u32).each(rows)?;
    }
    Ok([starts, list])
}

/// The address of the target rows, after checking that they contain all rows of the pairs.
fn checked(prediction: &Buffer, target: Rows, pairs: &Pairs) -> Result<u64> {
    let width = target.channels;
    let start = target.first * width;
    let fits = start + target.rows * width <= target.data.len()
        && target.rows == pairs.rows
        && prediction.len() == pairs.rows * width;
    if fits {
        return Ok(target.data.pointer()? + 4 * start as u64);
    }
    let message = format!(
        "{} rows of {width} from row {} of {} values, with {} predicted values, do not make {} pairs",
        target.rows,
        target.first,
        target.data.len(),
        prediction.len(),
        pairs.rows
    );
    Err(Error::shape("pairs", message))
}
