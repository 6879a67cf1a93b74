//! The links of the documentation, which is read on a forge and in rustdoc, and its table of benchmark results.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const GUIDES: &str = "src/guide";

/// The pages, with their file names.
fn guides() -> BTreeMap<String, String> {
    let files = fs::read_dir(GUIDES).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter(|name| name.ends_with(".md")).map(|name| (name.clone(), read(Path::new(GUIDES).join(name)))).collect()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// The text without its code.
fn prose(text: &str) -> String {
    let blocks = text.split("```").step_by(2).collect::<String>();
    blocks.split('`').step_by(2).collect()
}

/// The targets of `](target)` and of `[label]: target`.
fn targets(text: &str) -> Vec<String> {
    let prose = prose(text);
    let inline = prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()));
    inline.chain(definitions(&prose).into_values()).collect()
}

/// The labels that the text defines, with their targets.
fn definitions(text: &str) -> BTreeMap<String, String> {
    let defined = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
    defined.map(|(label, target)| (label.to_owned(), target.to_owned())).collect()
}

/// The anchors of the headings, as forges and rustdoc make them.
fn anchors(text: &str) -> Vec<String> {
    let blocks = text.split("```").step_by(2).collect::<String>();
    let headings = blocks.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| -> String {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn the_readme_is_read_in_five_minutes() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 150, "README.md has {lines} lines: move something to a guide");
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut pages: Vec<PathBuf> = guides().keys().map(|name| Path::new(GUIDES).join(name)).collect();
    pages.extend(["README.md", "CHANGELOG.md", ".github/CONTRIBUTING.md"].map(PathBuf::from));
    let mut checked = 0;
    for page in pages {
        for target in targets(&read(&page)).iter().filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            // The published crate leaves out the benchmark.
            if file.starts_with("tests/bench") && !Path::new("tests/bench").exists() {
                continue;
            }
            assert!(file.exists(), "{}: {target} does not exist", page.display());
            let found = anchor.is_empty() || anchors(&read(&file)).iter().any(|known| known == anchor);
            assert!(found, "{}: {target} has no such heading", page.display());
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked} links");
}

/// rustdoc takes the definitions of `links.txt`, which come first; a forge takes those of the page.
#[test]
fn links_between_guides_lead_to_the_same_page_in_rustdoc() {
    let in_rustdoc = definitions(&read(Path::new(GUIDES).join("links.txt")));
    let pages = guides();
    for (page, text) in &pages {
        let text = prose(text);
        for (label, target) in definitions(&text) {
            let (file, anchor) =
                target.split_once('#').map_or((&*target, String::new()), |(file, anchor)| (file, format!("#{anchor}")));
            let module = format!("crate::guide::{}{anchor}", file.trim_end_matches(".md").replace('-', "_"));
            assert_eq!(in_rustdoc.get(&label), Some(&module), "{page}: add [{label}] to links.txt");
        }
        for (before, _) in text.match_indices("](") {
            assert!(text[before..].starts_with("](#"), "{page}: define the link by a label, at the end of the page");
        }
    }
    let (modules, index) = (read(Path::new(GUIDES).join("mod.rs")), definitions(&pages["README.md"]));
    for page in pages.keys().filter(|page| *page != "README.md") {
        assert!(modules.contains(&format!("\"{page}\"")), "{page} is not in mod.rs");
        assert!(index.values().any(|target| target == page), "{page} is not in the index");
    }
}

/// The rows of the chart: a label, then the ratios of wall and CPU time for each tool.
fn chart(svg: &str) -> Vec<(String, BTreeMap<String, Vec<String>>)> {
    let mut rows: Vec<(String, BTreeMap<String, Vec<String>>)> = Vec::new();
    let mut tool = None;
    for line in svg.lines().filter(|line| line.starts_with("<text")) {
        let text = line.split_once('>').unwrap().1.trim_end_matches("</text>").to_owned();
        match rows.last_mut() {
            _ if line.contains("class=\"label\"") => rows.push((text, BTreeMap::new())),
            Some(_) if ["s5cmd", "rclone", "aws s3"].contains(&&*text) => tool = Some(text),
            Some((_, ratios)) if text.parse::<f64>().is_ok() => {
                ratios.entry(tool.clone().unwrap()).or_default().push(text);
            }
            _ => {}
        }
    }
    rows
}

#[test]
fn the_table_of_speed_is_that_of_the_chart() {
    let Ok(svg) = fs::read_to_string("tests/bench/result.svg") else {
        println!("skipped: the published crate leaves out the benchmark");
        return;
    };
    let mut table = "| | s5cmd | rclone | AWS CLI |\n|---|---|---|---|\n".to_owned();
    for (label, ratios) in chart(&svg) {
        let cell = |tool| ratios.get(tool).map_or_else(String::new, |both| both.join(" / "));
        let (s5cmd, rclone, aws) = (cell("s5cmd"), cell("rclone"), cell("aws s3"));
        table += &format!("| {} | {s5cmd} | {rclone} | {aws} |\n", label.trim_end_matches('*'));
    }
    let guide = read(Path::new(GUIDES).join("speed.md"));
    assert!(
        guide.contains(&format!("<!-- table: speed -->\n\n{table}\n<!-- end")),
        "paste this into speed.md:\n\n{table}"
    );
}
