//! The HTML page: its head, style, script and sections, and the charts that are written beside it.

use super::charts::Chart;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A page that is being written.
pub struct Page {
    title: String,
    sections: Vec<Section>,
    /// Every chart, to be written to a file.
    pub charts: Vec<Chart>,
    /// Data for the script, as JSON, by the name of their element.
    data: Vec<(&'static str, String)>,
    /// Additional style rules, for pictures that are used in several places.
    style: String,
}

struct Section {
    id: &'static str,
    name: String,
    body: Markup,
}

impl Page {
    /// An empty page.
    pub fn new(title: String) -> Self {
        Self { title, sections: Vec::new(), charts: Vec::new(), data: Vec::new(), style: String::new() }
    }

    /// Adds a section. A section without a name is not in the list of sections.
    pub fn section(&mut self, id: &'static str, name: impl Into<String>, body: Markup) {
        self.sections.push(Section { id, name: name.into(), body });
    }

    /// A figure of a chart, with its title above and a caption below.
    pub fn figure(&mut self, chart: Chart, caption: &str) -> Markup {
        let figure = html! {
            figure {
                p.title { (chart.title) }
                (PreEscaped(chart.themed()))
                figcaption { (caption) " " a.file href={ (FOLDER) "/" (chart.name) ".svg" } { "SVG" } }
            }
        };
        self.charts.push(chart);
        figure
    }

    /// Adds data for the script.
    pub fn data(&mut self, name: &'static str, json: String) {
        self.data.push((name, json));
    }

    /// Adds a style rule.
    pub fn rule(&mut self, rule: &str) {
        self.style.push_str(rule);
    }

    /// The page as HTML. `charts` is the folder of the charts' files.
    pub fn html(&self, charts: &str) -> String {
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy"
                        content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) (PreEscaped(&self.style)) }
                }
                body {
                    main {
                        h1 { (self.title) }
                        nav {
                            @for section in self.sections.iter().filter(|section| !section.name.is_empty()) {
                                a href={ "#" (section.id) } { (section.name) }
                            }
                        }
                        @for section in &self.sections {
                            section id=(section.id) {
                                @if !section.name.is_empty() { h2 { (section.name) } }
                                (section.body)
                            }
                        }
                        footer {
                            "Written by plasticity " (env!("CARGO_PKG_VERSION")) " (plasticity report). "
                            "Every chart is also an SVG file in the folder " code { (charts) } "."
                        }
                    }
                    div #tip hidden {}
                    @for (name, json) in &self.data {
                        script type="application/json" id=(name) { (PreEscaped(json.replace('<', "\\u003c"))) }
                    }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        markup.into_string().replace(FOLDER, &encoded(charts))
    }
}

/// A name as a part of a URL.
fn encoded(name: &str) -> String {
    let of = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(of).collect()
}

/// A placeholder for the folder of charts, which is not known until the page is written.
const FOLDER: &str = "%charts%";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_charts_are_encoded() {
        let mut page = Page::new("a".to_owned());
        let name = "loss".to_owned();
        let chart = Chart { name, title: String::new(), svg: "<svg></svg>".to_owned(), height: 0 };
        let body = page.figure(chart, "");
        page.section("one", "One", body);
        let text = page.html("50% \"é\"-charts");
        assert!(text.contains("href=\"50%25%20%22%C3%A9%22-charts/loss.svg\""), "{text}");
        assert!(text.contains("50% &quot;é&quot;-charts"), "{text}");
    }

    #[test]
    fn a_page_is_escaped_and_fetches_nothing() {
        let mut page = Page::new("a < b".to_owned());
        page.section("one", "One", html! { p { "x" } });
        page.data("stimuli", "{\"name\":\"</script>\"}".to_owned());
        let text = page.html("charts");
        assert!(text.contains("<h1>a &lt; b</h1>") && text.contains("href=\"#one\""), "{text}");
        assert!(text.contains("\\u003c/script>") && !text.contains(FOLDER));
        for word in ["src=\"http", "href=\"http", "@import", "url(http"] {
            assert!(!text.contains(word), "{word}");
        }
    }
}
