//! Orthogonal initial weights.

use plasticity_core::random::{Random, normal};

/// `[rows, columns]`: orthogonal rows of length 1, or orthogonal columns if there are fewer of
/// them, in uniformly random directions (Saxe, McClelland & Ganguli 2014).
pub(super) fn orthogonal(rows: usize, columns: usize, random: &mut Random) -> Vec<f32> {
    let (few, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(few);
    while vectors.len() < few {
        let mut vector: Vec<f64> = (0..length).map(|_| normal(random)).collect();
        // Twice, to remove rounding errors.
        for _ in 0..2 {
            for other in &vectors {
                let along = dot(&vector, other);
                vector.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
        }
        let size = dot(&vector, &vector).sqrt();
        if size > 1e-6 {
            vectors.push(vector.into_iter().map(|value| value / size).collect());
        }
    }
    let at =
        |row: usize, column: usize| if rows <= columns { vectors[row][column] } else { vectors[column][row] };
    (0..rows * columns).map(|i| at(i / columns, i % columns) as f32).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::random::stream;

    #[test]
    fn the_fewer_of_rows_and_columns_are_orthogonal_and_of_length_one() {
        for (rows, columns) in [(3, 7), (7, 3), (4, 4)] {
            let made = orthogonal(rows, columns, &mut stream(1, &[]));
            let vector = |index: usize| -> Vec<f64> {
                let of = |i: usize| {
                    if rows <= columns { made[index * columns + i] } else { made[i * columns + index] }
                };
                (0..rows.max(columns)).map(|i| f64::from(of(i))).collect()
            };
            for i in 0..rows.min(columns) {
                for j in 0..=i {
                    let expected = if i == j { 1.0 } else { 0.0 };
                    assert!(
                        (dot(&vector(i), &vector(j)) - expected).abs() < 1e-6,
                        "{rows}x{columns}: {i} {j}"
                    );
                }
            }
        }
    }
}
