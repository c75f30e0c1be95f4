use redispatch::telemetry::{event, metric};

use super::root;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("a text of the tree")
}

#[test]
fn the_readme_shows_the_example_as_it_is() {
    let example = read("shared/examples/own_queue.rs");
    let start = example.find("use redispatch").expect("the example's first import");
    assert!(
        read("README.md").contains(&example[start..]),
        "copy shared/examples/own_queue.rs, from its first import on, into README.md"
    );
}

#[test]
fn the_readme_lists_every_event() {
    let readme = read("README.md");
    for (name, meaning) in event::ALL {
        let row = format!("| `{name}` | {} |", meaning.trim());
        assert!(readme.contains(&row), "README.md, Logs: add the row {row}");
    }
}

#[test]
fn the_readme_lists_every_metric() {
    let readme = read("README.md");
    for metric in metric::ALL {
        let labels =
            if metric.labels.is_empty() { String::new() } else { format!("{{{}}}", metric.labels.join(",")) };
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let row = format!("| `{}{labels}` | {kind} | {} |", metric.name, metric.help);
        assert!(readme.contains(&row), "README.md, Health and metrics: add the row {row}");
    }
}
