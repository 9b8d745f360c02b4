//! Random views of an image, as in SimCLR (Chen et al. 2020).

mod blur;
mod planes;
mod resize;

pub use planes::Planes;

use super::Picture;
use crate::common::colour;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// `augment` in a config: random resized crop, flip, colour jitter, grey and blur, in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// The smallest and largest share of the image's area that is cropped.
    pub scale: [f32; 2],
    /// The smallest and largest ratio of the crop's width to its height.
    pub ratio: [f32; 2],
    /// The largest changes of brightness, contrast, saturation (factors from 1 − x to 1 + x) and hue (turns
    /// of ±x of the circle).
    pub jitter: [f32; 4],
    /// The probability of colour jitter.
    pub jitter_probability: f32,
    /// The probability that the view becomes grey.
    pub grey_probability: f32,
    /// The probability of blur.
    pub blur_probability: f32,
    /// The smallest and largest standard deviation of the blur, in pixels.
    pub blur_sigma: [f32; 2],
    /// The width of the blur's kernel as a share of the view's side. It is made an odd number of pixels.
    pub blur_kernel: f32,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            scale: [0.08, 1.0],
            ratio: [0.75, 4.0 / 3.0],
            jitter: [0.8, 0.8, 0.8, 0.2],
            jitter_probability: 0.8,
            grey_probability: 0.2,
            blur_probability: 0.5,
            blur_sigma: [0.1, 2.0],
            blur_kernel: 0.1,
        }
    }
}

impl Augment {
    /// Checks all values.
    ///
    /// # Errors
    /// If a value is out of range; the error names the key, its range and the value.
    pub fn check(&self) -> Result<()> {
        let wrong = |key: &str, range: &str, value: &dyn std::fmt::Debug| {
            Err(Error::config(format!("augment.{key}"), format!("must be {range}, got {value:?}")))
        };
        let ordered = |[from, to]: [f32; 2]| from > 0.0 && from <= to && to.is_finite();
        if !ordered(self.scale) || self.scale[1] > 1.0 {
            return wrong("scale", "[from, to] with 0 < from ≤ to ≤ 1", &self.scale);
        }
        if !ordered(self.ratio) {
            return wrong("ratio", "[from, to] with 0 < from ≤ to", &self.ratio);
        }
        if !ordered(self.blur_sigma) {
            return wrong("blur_sigma", "[from, to] with 0 < from ≤ to", &self.blur_sigma);
        }
        let limits = [f32::MAX, f32::MAX, f32::MAX, 0.5];
        if self.jitter.iter().zip(limits).any(|(x, limit)| !(0.0..=limit).contains(x)) {
            return wrong("jitter", "four numbers of at least 0, the last (hue) at most 0.5", &self.jitter);
        }
        for (key, value) in [
            ("jitter_probability", self.jitter_probability),
            ("grey_probability", self.grey_probability),
            ("blur_probability", self.blur_probability),
            ("blur_kernel", self.blur_kernel),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return wrong(key, "from 0 to 1", &value);
            }
        }
        Ok(())
    }

    /// A random view of `picture`, of `size` × `size` pixels. With `flip`, half of the views are flipped left
    /// to right.
    pub fn view(&self, picture: &Picture, size: usize, flip: bool, random: &mut Random) -> Planes {
        let part = resize::draw(picture.height(), picture.width(), self.scale, self.ratio, random);
        let mut view = resize::resize(picture, part, size, random.random::<bool>() && flip);
        if random.random::<f32>() < self.jitter_probability {
            colour::jitter(&mut view, self.jitter, random);
        }
        if random.random::<f32>() < self.grey_probability {
            colour::grey(&mut view);
        }
        if random.random::<f32>() < self.blur_probability {
            let sigma = random.random_range(self.blur_sigma[0]..=self.blur_sigma[1]);
            blur::blur(&mut view, (self.blur_kernel * size as f32) as usize | 1, sigma);
        }
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::colour::Pixels as _;
    use crate::vision::testing;
    use plasticity_core::random::stream;

    #[test]
    fn views_differ_stay_in_range_and_repeat_with_their_stream() {
        let picture = testing::gradient(40, 48);
        let augment = Augment::default();
        let view = |i| augment.view(&picture, 32, true, &mut stream(1, &[i]));
        for i in 0..50 {
            let values = view(i).planes;
            assert!(values.iter().flatten().all(|x| (-1e-5..1.0 + 1e-5).contains(x)), "view {i}");
            assert_eq!(values, view(i).planes);
            assert_ne!(values, view(i + 1).planes);
        }
    }

    #[test]
    fn each_step_happens_as_often_as_asked() {
        let picture = testing::plain(40, 40, [200, 80, 40]);
        let still = Augment { jitter_probability: 0.0, blur_probability: 0.0, ..Augment::default() };
        let count = |augment: &Augment, changed: &dyn Fn([f32; 3]) -> bool| {
            let views = (0..1000).map(|i| augment.view(&picture, 8, true, &mut stream(2, &[i])));
            views.filter(|view| view.pixels().next().is_some_and(changed)).count()
        };
        let grey = count(&still, &|[r, g, b]| r == g && g == b);
        assert!((150..250).contains(&grey), "{grey} of 1000 are grey");
        let coloured = Augment { grey_probability: 0.0, blur_probability: 0.0, ..Augment::default() };
        let jittered = count(&coloured, &|[r, _, _]| (r - 200.0 / 255.0).abs() > 1e-4);
        assert!((740..860).contains(&jittered), "{jittered} of 1000 are jittered");
    }

    #[test]
    fn every_wrong_value_is_named() {
        let fine = Augment::default;
        for (augment, key) in [
            (Augment { scale: [0.0, 1.0], ..fine() }, "augment.scale"),
            (Augment { scale: [0.5, 1.5], ..fine() }, "augment.scale"),
            (Augment { ratio: [2.0, 1.0], ..fine() }, "augment.ratio"),
            (Augment { jitter: [0.8, 0.8, 0.8, 0.6], ..fine() }, "augment.jitter"),
            (Augment { jitter: [f32::NAN, 0.8, 0.8, 0.1], ..fine() }, "augment.jitter"),
            (Augment { blur_sigma: [0.0, 1.0], ..fine() }, "augment.blur_sigma"),
            (Augment { grey_probability: 1.1, ..fine() }, "augment.grey_probability"),
            (Augment { blur_kernel: -0.1, ..fine() }, "augment.blur_kernel"),
        ] {
            let error = augment.check().unwrap_err().to_string();
            assert!(error.contains(key) && error.contains("got"), "{error}");
        }
        fine().check().unwrap();
    }
}
