//! The arithmetic of sampled pairs, and copies of rows.

use crate::device::cuda::{Kernels, Launch};
use crate::device::{Buffer, Device, Indices};
use crate::error::{Error, Result};
use crate::ops::pairs::{Gathered, PairDendrites};
use crate::pairs::{Pairs, Scores};
use crate::score::Rows;

static KERNELS: Kernels = Kernels {
    name: "plasticity_pairs",
    source: include_str!("pairs.cu"),
    functions: &[
        "pair_scores",
        "pair_gather",
        "pair_count",
        "pair_starts",
        "pair_list",
        "pair_sort",
        "pair_targets",
        "take_rows",
        "put_rows",
        "swap_axes",
    ],
};

/// Threads of a block that makes one row.
const THREADS: u32 = 128;

/// Pairs of a period up to which no lists by target are made: `FEW` in pairs.cu.
const FEW: usize = 1024;

/// Scores of sampled pairs: U\[r, 0\] = P_r · Z_r, and U\[r, 1 + n\] = P_r · Z of the row's saccade n, where P
/// `[rows, width]` is the dendritic prediction of each context row.
///
/// # Errors
/// Where the buffers do not fit the pairs.
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
    // SAFETY: (P, Z, index, U, rows, period, count, width), a warp a pair; lengths and indices were checked.
    unsafe { launch.each(pairs.rows * columns * 32)? };
    Ok(Scores { values, rows: pairs.rows, columns })
}

/// What the modulation γ of sampled pairs gives back: Σ γ · P for target rows, Σ γ · Z for context rows, each if it
/// is asked for.
///
/// # Errors
/// Where the buffers do not fit the pairs.
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
        // SAFETY: (γ, Z, index, out, period, count, width), a block a row; lengths and indices were checked.
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
        // SAFETY: (γ, P, index, starts, list, out, period, count, width), a block a row; the lists hold all pairs of a
        // period, or are null where these are at most FEW.
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
    // SAFETY: the arguments are those that pairs.cu declares; every index is below `rows`, so that the counts add
    // up to `pairs` and the lists fill `list` exactly.
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

/// `[index, width]`: copies of some rows of a matrix that starts at value `first`.
///
/// # Errors
/// Where an index reaches past the end.
pub fn take_rows(from: &Buffer, first: usize, width: usize, index: &Indices) -> Result<Buffer> {
    let rows = from.len().saturating_sub(first) / width.max(1);
    below(index, width, rows)?;
    let mut taken = Buffer::unset(from.device(), index.len() * width)?;
    let launch = Launch::new(from.device(), &KERNELS, "take_rows")?
        .pointer(from.pointer()? + 4 * first as u64)
        .pointer(index.pointer())
        .pointer(taken.pointer_mut()?)
        .value(size(width)?)
        .value((index.len() * width) as u64);
    // SAFETY: (from, index, to, width, count), one value a thread; every index is below the rows there are.
    unsafe { launch.each(index.len() * width)? };
    Ok(taken)
}

/// `[rows, width]`: the rows of `from` put at `index`, zero elsewhere.
///
/// # Errors
/// Where an index reaches past the end.
pub fn put_rows(from: &Buffer, width: usize, index: &Indices, rows: usize) -> Result<Buffer> {
    below(index, width, rows)?;
    let count = index.len().min(from.len() / width.max(1)) * width;
    let mut put = Buffer::zeros(from.device(), rows * width)?;
    let launch = Launch::new(from.device(), &KERNELS, "put_rows")?
        .pointer(from.pointer()?)
        .pointer(index.pointer())
        .pointer(put.pointer_mut()?)
        .value(size(width)?)
        .value(count as u64);
    // SAFETY: (from, index, to, width, count), one value a thread; every index is below `rows`.
    unsafe { launch.each(count)? };
    Ok(put)
}

/// Adds `factor · b` to the part of `a` that starts at value `first`.
///
/// # Errors
/// Where `b` reaches past the end of `a`.
pub fn add_at(a: &mut Buffer, first: usize, factor: f32, b: &Buffer) -> Result<()> {
    let len = b.len();
    if first + len > a.len() {
        return Err(Error::shape("sum", format!("{len} values from {first} of {}", a.len())));
    }
    let device = a.device().clone();
    let launch = Launch::new(&device, &super::KERNELS, "add")?
        .pointer(a.pointer_mut()? + 4 * first as u64)
        .value(factor)
        .pointer(b.pointer()?)
        .value(len as u64);
    // SAFETY: (a, factor, b, count), one element a thread; `a` has `len` values from `first` on.
    unsafe { launch.each(len) }
}

/// `[outer, second, first, width]` from `[outer, first, second, width]`.
///
/// # Errors
/// Where the length does not fit.
pub fn swap_axes(a: &Buffer, outer: usize, first: usize, second: usize, width: usize) -> Result<Buffer> {
    if a.len() != outer * first * second * width {
        let message = format!("{} values are not {outer} × {first} × {second} × {width}", a.len());
        return Err(Error::shape("swap of axes", message));
    }
    let mut swapped = Buffer::unset(a.device(), a.len())?;
    let launch = Launch::new(a.device(), &KERNELS, "swap_axes")?
        .pointer(a.pointer()?)
        .pointer(swapped.pointer_mut()?)
        .value(size(first)?)
        .value(size(second)?)
        .value(size(width)?)
        .value(a.len() as u64);
    // SAFETY: (from, to, first, second, width, count), one value a thread; both hold `count` values.
    unsafe { launch.each(a.len())? };
    Ok(swapped)
}

/// Where the target rows start, checked to be those that the pairs ask for.
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

fn below(index: &Indices, width: usize, rows: usize) -> Result<()> {
    match index.largest() {
        Some(row) if row as usize >= rows => {
            let message = format!("row {row} of width {width} reaches past {} values", rows * width);
            Err(Error::shape("pairs", message))
        }
        _ => Ok(()),
    }
}

pub(super) fn size(size: usize) -> Result<u32> {
    u32::try_from(size).map_err(|_| Error::shape("pairs", format!("an axis of {size} is too long")))
}
