//! What a config gives, and the errors of a wrong one.

use super::*;
use crate::vision::testing;
use plasticity_core::random::stream;
use plasticity_core::stimulus::Label;
use std::path::Path;

fn parse(text: &str) -> Result<Box<dyn StimulusSpec>, toml::de::Error> {
    toml::from_str(text)
}

fn open(keys: &str, split: Split) -> Result<Box<dyn Stimulus>> {
    parse(&format!("type = \"images\"\n{keys}")).unwrap().open(split, 0)
}

fn folder(path: &Path, keys: &str) -> String {
    let path = path.display();
    format!("source = {{ type = \"folder\", path = \"{path}\" }}\n{keys}")
}

#[test]
fn the_example_works() {
    let example =
        plasticity_core::registry::find(plasticity_core::registry::Family::Stimulus, "images", "stimulus");
    let spec = parse(example.unwrap().example).unwrap();
    for split in [Split::Learn, Split::ProbeTrain, Split::ProbeTest] {
        let stimulus = spec.open(split, 1).unwrap();
        let shape = stimulus.shape(2);
        assert_eq!((shape.time, shape.location, shape.extent, shape.channels), (3, 3, [1, 16, 16], 1));
        let samples =
            [stimulus.sample(0, None).unwrap(), stimulus.sample(1, Some(&mut stream(1, &[]))).unwrap()];
        assert_eq!(stimulus.assemble(&samples).unwrap().len(), shape.len());
    }
}

#[test]
fn a_spec_survives_the_resolved_config() {
    let text = "type = \"images\"\nsource = \"synthetic\"\ngrey = false\nmean = [0.1, 0.2, 0.3]\nstd = 0.5";
    let spec = parse(text).unwrap();
    let again = parse(&toml::to_string(&spec).unwrap()).unwrap();
    assert_eq!(format!("{spec:?}"), format!("{again:?}"));
}

#[test]
fn crops_are_central_or_random_and_half_are_flipped() {
    let temporary = tempfile::tempdir().unwrap();
    let picture = testing::gradient(12, 10);
    testing::write(temporary.path().join("a.png"), &testing::png(&picture));
    let keys = folder(temporary.path(), "crop = 8\ngrey = false\nmean = 0.0\nstd = 1.0");
    let stimulus = open(&keys, Split::Learn).unwrap();
    let crop = |top: usize, left: usize, flip: bool| -> Vec<f32> {
        (0..8)
            .flat_map(|y| {
                let mut row = picture.row(top + y, left, 8).to_vec();
                if flip {
                    row.reverse();
                }
                row.into_iter().flatten().map(|x| f32::from(x) / 255.0).collect::<Vec<_>>()
            })
            .collect()
    };
    assert_eq!(stimulus.sample(0, None).unwrap().values, crop(2, 1, false));
    let mut seen = std::collections::BTreeSet::new();
    for i in 0..400 {
        let values = stimulus.sample(0, Some(&mut stream(0, &[i]))).unwrap().values;
        let all = (0..5).flat_map(|t| (0..3).flat_map(move |l| [(t, l, false), (t, l, true)]));
        let found: Vec<_> = all.filter(|&(t, l, f)| crop(t, l, f) == values).collect();
        assert_eq!(found.len(), 1);
        seen.extend(found);
    }
    assert_eq!(seen.len(), 30, "every place, flipped and not");
    // With the whole image as the crop, all crops are equal.
    let keys = folder(temporary.path(), "crop = 10\ngrey = false\nmean = 0.0\nstd = 1.0\nflip = false");
    testing::write(temporary.path().join("a.png"), &testing::png(&testing::gradient(10, 10)));
    let stimulus = open(&keys, Split::Learn).unwrap();
    let random = stimulus.sample(0, Some(&mut stream(0, &[1]))).unwrap();
    assert_eq!(random.values, stimulus.sample(0, None).unwrap().values);
}

#[test]
fn patches_are_laid_out_by_time_location_and_batch() {
    let keys = "source = \"synthetic\"\ncrop = 32\npatch = { size = 16, stride = 8 }";
    let stimulus = open(keys, Split::Learn).unwrap();
    let samples: Vec<_> = (0..3).map(|i| stimulus.sample(i, None).unwrap()).collect();
    let values = stimulus.assemble(&samples).unwrap();
    for (t, l, b, y, x) in [(0, 0, 0, 0, 0), (2, 1, 2, 5, 7), (1, 2, 1, 15, 15)] {
        let at = (((t * 3 + l) * 3 + b) * 16 + y) * 16 + x;
        assert_eq!(values[at], samples[b].values[(t * 8 + y) * 32 + l * 8 + x]);
    }
}

#[test]
fn two_views_stand_along_the_batch_and_the_probe_has_one() {
    let keys = "source = \"synthetic\"\ncrop = 32\ngrey = false\nviews = 2";
    let stimulus = open(keys, Split::Learn).unwrap();
    let shape = stimulus.shape(3);
    assert_eq!((shape.batch, shape.time, shape.extent, shape.channels), (6, 1, [1, 32, 32], 3));
    let sample = |i: usize| stimulus.sample(i, Some(&mut stream(1, &[i as u64]))).unwrap();
    let samples: Vec<_> = (0..3).map(sample).collect();
    let (values, view) = (stimulus.assemble(&samples).unwrap(), 32 * 32 * 3);
    assert_eq!(values.len(), shape.len());
    for (i, sample) in samples.iter().enumerate() {
        let (first, second) = sample.values.split_at(view);
        assert_ne!(first, second);
        assert_eq!(&values[i * view..(i + 1) * view], first);
        assert_eq!(&values[(3 + i) * view..(4 + i) * view], second);
    }
    let classes: Vec<_> = [0, 1, 2, 0, 1, 2].map(Label::Class).to_vec();
    assert_eq!(stimulus.labels(&samples), classes);

    let test = open(keys, Split::ProbeTest).unwrap();
    assert_eq!(test.shape(3).batch, 3);
    assert_eq!(test.sample(0, None).unwrap().values.len(), view);
}

#[test]
fn one_view_is_augmented_where_the_config_says_so() {
    let plain = "source = \"synthetic\"\nflip = false";
    let [without, with] = [plain.to_owned(), format!("{plain}\naugment = {{}}")].map(|keys| {
        let stimulus = open(&keys, Split::Learn).unwrap();
        stimulus.sample(0, Some(&mut stream(1, &[]))).unwrap().values
    });
    assert_eq!(without.len(), with.len());
    assert_ne!(without, with);
}

#[test]
fn versions_of_a_probes_training_images_are_made_as_in_learning() {
    let plain = "source = \"synthetic\"\ncrop = 32\nflip = false";
    let drawn = |keys: &str, split| {
        let stimulus = open(keys, split).unwrap();
        [stimulus.sample(0, Some(&mut stream(1, &[]))), stimulus.sample(0, None)]
            .map(|one| one.unwrap().values)
    };
    for key in ["augment = {}", "views = 2"] {
        let keys = format!("{plain}\n{key}");
        let [[version, still], [other, same]] = [plain, &keys].map(|keys| drawn(keys, Split::ProbeTrain));
        assert_eq!((other.len(), &same), (version.len(), &still), "{key}");
        assert_ne!(version, other, "{key}");
        assert_eq!(drawn(plain, Split::ProbeTest), drawn(&keys, Split::ProbeTest), "{key}");
    }
}

#[test]
fn labelled_folders_serve_the_probe() {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path();
    for part in ["train", "test", "unlabelled"] {
        testing::class_folders(&root.join(part), 2);
    }
    let labelled =
        format!("labelled = {{ train = \"{0}/train\", test = \"{0}/test\" }}\ncrop = 24", root.display());
    let keys = folder(&root.join("unlabelled"), &labelled);
    let stimulus = open(&keys, Split::ProbeTest).unwrap();
    assert_eq!(stimulus.classes().unwrap(), ["bird", "cat"]);
    assert_eq!(stimulus.sample(7, None).unwrap().label, Label::Class(1));
    testing::write(root.join("test/dog/a.png"), &testing::png(&testing::gradient(24, 24)));
    let error = open(&keys, Split::ProbeTest).err().unwrap().to_string();
    assert!(error.contains("bird, cat, dog") && error.contains("test: "), "{error}");
}

#[test]
fn a_probe_is_not_tested_on_what_it_learned_from() {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path();
    for part in ["a", "a/test", "b"] {
        testing::class_folders(&root.join(part), 1);
    }
    let probe = |train: &str, test: &str, split| {
        let folders = format!("train = \"{0}/{train}\", test = \"{0}/{test}\"", root.display());
        open(&format!("source = \"synthetic\"\ncrop = 24\nlabelled = {{ {folders} }}"), split)
    };
    for (train, test) in [("a", "a"), ("a", "b/../a"), ("a", "a/test"), ("a/test", "a")] {
        for split in [Split::Learn, Split::ProbeTrain, Split::ProbeTest] {
            let error = probe(train, test, split).err().unwrap().to_string();
            assert!(error.contains("labelled") && error.contains(test), "{error}");
            assert!(error.contains("the probe would learn"), "{error}");
        }
    }
    assert!(probe("a/test", "b", Split::ProbeTest).is_ok());
}

#[test]
fn rules_do_not_learn_from_the_images_of_the_test() {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path();
    for part in ["unlabelled", "train", "test", "test/bird/more"] {
        testing::class_folders(&root.join(part), 1);
    }
    testing::class_folders(&root.join("tiny/train"), 1);
    let open = |source: &str, test: &str| {
        let labelled = format!("train = \"{0}/train\", test = \"{0}/{test}\"", root.display());
        let source = source.replace("ROOT", &root.display().to_string());
        open(&format!("source = {source}\ncrop = 24\nlabelled = {{ {labelled} }}"), Split::Learn)
    };
    let folder = |path: &str| format!("{{ type = \"folder\", path = \"ROOT/{path}\" }}");
    for source in [folder(""), folder("test"), folder("train/../test"), folder("test/bird")] {
        let error = open(&source, "test").err().unwrap().to_string();
        assert!(error.contains("`source`") && error.contains("neither inside the other"), "{error}");
        assert!(error.contains("the network would learn"), "{error}");
    }
    let tiny = "{ type = \"tiny_imagenet\", path = \"ROOT/tiny\" }";
    assert!(open(tiny, "tiny/train").err().unwrap().to_string().contains("`source`"));
    for source in [folder("unlabelled"), folder("train"), "\"synthetic\"".to_owned(), tiny.to_owned()] {
        assert!(open(&source, "test").is_ok(), "{source}");
    }
}

#[cfg(unix)]
#[test]
fn no_link_or_copy_leads_the_test_into_learning() {
    use std::os::unix::fs::symlink;
    let place = |name: &str, lead: &dyn Fn(&Path)| {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        for part in ["unlabelled", "train", "test"] {
            testing::class_folders(&root.join(part), 1);
        }
        lead(root);
        let labelled = format!("train = \"{0}/train\", test = \"{0}/test\"", root.display());
        let keys = folder(&root.join("unlabelled"), &format!("crop = 24\nlabelled = {{ {labelled} }}"));
        for split in [Split::Learn, Split::ProbeTrain, Split::ProbeTest] {
            let error = open(&keys, split).err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(error.contains("share images"), name != "apart", "{name}: {error}");
        }
    };
    place("apart", &|_| ());
    place("a class folder", &|root| {
        std::fs::remove_dir_all(root.join("test/cat")).unwrap();
        symlink(root.join("train/cat"), root.join("test/cat")).unwrap();
    });
    place("a file", &|root| symlink(root.join("train/cat/0.png"), root.join("test/cat/9.png")).unwrap());
    place("a hard link", &|root| {
        std::fs::hard_link(root.join("unlabelled/cat/0.png"), root.join("test/cat/9.png")).unwrap();
    });
    place("a link among what is learned from", &|root| {
        symlink(root.join("test"), root.join("unlabelled/cat/more")).unwrap();
    });
    place("a copy", &|root| {
        std::fs::copy(root.join("train/bird/0.png"), root.join("test/bird/9.png")).unwrap();
    });
}

#[test]
fn no_record_of_a_file_of_many_images_is_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let record = |image: u32, label: u8| -> Vec<u8> {
        let pixels =
            (0..3072_u32).map(|place| ((place + 5_003 * image).wrapping_mul(2_654_435_761) >> 24) as u8);
        std::iter::once(label).chain(pixels).collect()
    };
    let records =
        |images: std::ops::Range<u32>| images.flat_map(|image| record(image, 3)).collect::<Vec<u8>>();
    for batch in 1..=5_u32 {
        let name = format!("data_batch_{batch}.bin");
        testing::write(folder.path().join(name), &records(10 * batch..10 * batch + 4));
    }
    let keys = format!(
        "source = {{ type = \"cifar10\", path = \"{}\" }}\ncrop = 32\ngrey = false",
        folder.path().display()
    );
    let test = |bytes: &[u8]| {
        testing::write(folder.path().join("test_batch.bin"), bytes);
        open(&keys, Split::Learn).map(drop)
    };
    test(&records(100..104)).unwrap();
    // The same image, with another label and in another place.
    let error = test(&[&records(100..102)[..], &record(31, 7)].concat()).unwrap_err().to_string();
    assert!(
        error.contains("1 of the 3 test images") && error.contains("test_batch.bin, record 2"),
        "{error}"
    );
    assert!(error.contains("data_batch_3.bin, record 1"), "{error}");
    assert!(error.contains("correct `source`") && !error.contains("labelled"), "{error}");
    let error = test(&records(10..14)).unwrap_err().to_string();
    assert!(error.contains("`source` and the test images") && !error.contains("labelled"), "{error}");
    // A few, as in published data sets, are only counted. Images of one colour do not count.
    test(&[&records(100..199)[..], &record(31, 7)].concat()).unwrap();
    test(&[5; 3073]).unwrap();
}

#[test]
fn a_few_shared_images_on_the_side_of_the_probe_do_not_hide_many_in_learning() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, images: &[u8]| {
        let image = |first: u8| (0..3 * 96 * 96_u32).map(move |at| (at % 251) as u8 ^ first);
        let bytes: Vec<u8> = images.iter().copied().flat_map(image).collect();
        testing::write(folder.path().join(format!("{name}_X.bin")), &bytes);
        testing::write(folder.path().join(format!("{name}_y.bin")), &vec![1; images.len()]);
    };
    write("test", &(0..100).collect::<Vec<u8>>());
    write("train", &[7, 200]);
    let keys = format!("source = {{ type = \"stl10\", path = \"{}\" }}", folder.path().display());
    write("unlabeled", &[7, 201]);
    open(&keys, Split::Learn).map(drop).unwrap();
    write("unlabeled", &[8, 9, 201]);
    let error = open(&keys, Split::Learn).err().unwrap().to_string();
    assert!(error.contains("2 of the 100 test images") && error.contains("unlabeled_X.bin"), "{error}");
}

#[test]
fn a_class_is_one_in_either_unicode_form() {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path();
    for (i, class) in ["train/R\u{e4}der", "train/Rz", "test/Ra\u{308}der", "test/Rz"].iter().enumerate() {
        let picture = testing::plain(24, 24, [i as u8; 3]);
        testing::write(root.join(class).join("1.png"), &testing::png(&picture));
    }
    let labelled = format!("train = \"{0}/train\", test = \"{0}/test\"", root.display());
    let keys = format!("source = \"synthetic\"\ncrop = 24\nlabelled = {{ {labelled} }}");
    let test = open(&keys, Split::ProbeTest).unwrap();
    assert_eq!(test.classes().unwrap(), ["Rz", "R\u{e4}der"]);
    assert_eq!(test.sample(1, None).unwrap().label, Label::Class(1));
}

#[test]
fn labelled_sources_are_told_to_be_paths() {
    let keys = "labelled = { train = { type = \"folder\", path = \"a\" }, test = \"b\" }";
    let error =
        parse(&format!("type = \"images\"\nsource = \"synthetic\"\n{keys}")).err().unwrap().to_string();
    assert!(error.contains("labelled") && error.contains("got a table"), "{error}");
}

#[test]
fn every_wrong_value_is_named() {
    let temporary = tempfile::tempdir().unwrap();
    testing::write(temporary.path().join("small.png"), &testing::png(&testing::gradient(12, 40)));
    let error = open(&folder(temporary.path(), "crop = 16"), Split::Learn).err().unwrap().to_string();
    assert!(error.contains("small.png") && error.contains("12×40") && error.contains("crop"), "{error}");
    for (keys, key) in [
        ("crop = 0", "crop"),
        ("patch = { size = 99, stride = 8 }", "patch"),
        ("crop = 1000000000000", "crop"),
        ("crop = 1024\npatch = { size = 512, stride = 1 }", "patch"),
        ("std = 0.0", "std"),
        ("views = 3", "views"),
        ("augment = { scale = [0.0, 1.0] }", "augment.scale"),
        ("mean = [0.1, 0.2]", "mean"),
    ] {
        let error = open(&format!("source = \"synthetic\"\n{keys}"), Split::Learn).err().unwrap();
        assert!(error.to_string().contains(key), "{error}");
    }
    for (keys, part) in [("crp = 3", "`crp`"), ("patch = 16", "size = …"), ("mean = \"x\"", "a number")] {
        let text = format!("type = \"images\"\nsource = \"synthetic\"\n{keys}");
        let error = parse(&text).err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
#[ignore = "needs ../shared"]
fn real_photographs_load() {
    let path = crate::common::testing::shared("images64");
    let labelled = format!("labelled = {{ train = \"{0}/train\", test = \"{0}/test\" }}", path.display());
    let keys = folder(&path.join("unlabelled"), &labelled);
    let stimulus = open(&keys, Split::Learn).unwrap();
    assert_eq!((stimulus.len(), stimulus.classes().unwrap().len()), (20_000, 200));
    let test = open(&keys, Split::ProbeTest).unwrap();
    assert_eq!((test.len(), test.classes().unwrap().len()), (800, 8));
    let mut sum = 0.0;
    for i in 0..100 {
        let sample = test.sample(8 * i, None).unwrap();
        assert_eq!(sample.values.len(), 64 * 64);
        sum += sample.values.iter().sum::<f32>() / (64.0 * 64.0);
    }
    assert!((sum / 100.0).abs() < 0.5, "normalised photographs have a mean near 0");
}
