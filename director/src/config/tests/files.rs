//! Files that cannot be read, and files that include files.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{super::*, GOOD, remarks, text};

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder in it");
        fs::write(path, bytes).expect("a file in it");
    }
    folder
}

fn only_error(loaded: &Loaded) -> String {
    assert_eq!(
        (loaded.errors(), loaded.exit_code()),
        (1, 2),
        "{:?}",
        remarks(loaded)
    );
    assert!(!loaded.records()[0].help.is_empty(), "it says what to do");
    loaded.diagnostics[0].message.clone()
}

#[test]
fn a_directory_is_refused() {
    let folder = folder(&[]);
    assert!(only_error(&load(folder.path())).ends_with("is a directory, not a configuration file"));
}

#[test]
fn a_file_that_is_not_there_is_refused_with_its_path() {
    let loaded = load(Path::new("/nonexistent/keepalived.conf"));
    assert!(only_error(&loaded).contains("No such file or directory"));
    let expected =
        "error: cannot read `/nonexistent/keepalived.conf`: No such file or directory (os error 2)
--> /nonexistent/keepalived.conf
 = help: create it, or name another file

";
    assert_eq!(loaded.render(Color::Plain), expected);
}

#[test]
fn an_empty_file_is_refused() {
    assert_eq!(only_error(&text("")), "this file has no settings");
    assert_eq!(
        only_error(&text("# only a comment\n")),
        "this file has no settings"
    );
}

#[test]
fn a_binary_file_is_refused() {
    assert_eq!(
        only_error(&text("global_defs {\0}")),
        "`test.conf` is a binary file"
    );
}

#[test]
fn a_file_of_ten_megabytes_is_refused_without_being_judged() {
    let folder = folder(&[("big.conf", &vec![b'\n'; 10_000_000])]);
    assert!(only_error(&load(&folder.path().join("big.conf"))).ends_with("is larger than 1 MiB"));
}

#[test]
fn bytes_that_are_not_utf8_are_harmless_in_a_comment_only() {
    let name = Path::new("test.conf");
    let in_comment = [b"# \xb1\xb8\xb7\xdd\n".as_slice(), GOOD.as_bytes()].concat();
    assert_eq!(
        remarks(&parse(name, &in_comment)),
        ["1 warning: this comment is not UTF-8 text"]
    );
    let in_word = [
        b"global_defs { router_id \xb1 }\n".as_slice(),
        GOOD.as_bytes(),
    ]
    .concat();
    assert_eq!(
        remarks(&parse(name, &in_word)),
        ["1 error: these bytes are not UTF-8 text"]
    );
}

#[test]
fn columns_count_characters() {
    let record = &text("global_defs { router_id 备份 x }").records()[0];
    assert_eq!(
        (record.line, record.column, record.text.as_str()),
        (1, 28, "x")
    );
}

#[test]
fn included_files_are_found_from_the_including_one_in_order() {
    let folder = folder(&[
        ("main.conf", b"include conf.d/{a,b}*.conf\n"),
        ("conf.d/b.conf", b"global_defs {\n router_id second\n}\n"),
        ("conf.d/a.conf", b"include deeper/c.conf\n"),
        ("conf.d/deeper/c.conf", GOOD.as_bytes()),
    ]);
    let loaded = load(&folder.path().join("main.conf"));
    assert_eq!(remarks(&loaded), Vec::<String>::new());
    let names: Vec<_> = loaded
        .sources
        .iter()
        .filter_map(|file| file.path().file_name())
        .collect();
    assert_eq!(names, ["main.conf", "a.conf", "c.conf", "b.conf"]);
    let config = loaded.config.expect("it is clean");
    assert_eq!(
        (
            config.virtual_servers.len(),
            config.global.router_id.as_deref()
        ),
        (1, Some("second"))
    );
}

#[test]
fn a_remark_on_an_included_file_names_that_file() {
    let folder = folder(&[
        ("main.conf", b"include part.conf\n"),
        ("part.conf", b"\n  nonsense 1\n"),
    ]);
    let record = &load(&folder.path().join("main.conf")).records()[0];
    assert!(record.file.ends_with("part.conf"));
    assert_eq!((record.line, record.column), (2, 3));
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    let folder = folder(&[
        ("main.conf", b"include other.conf\n"),
        ("other.conf", b"include m*.conf\n"),
    ]);
    assert!(
        only_error(&load(&folder.path().join("main.conf"))).ends_with("main.conf` includes itself")
    );
}

#[test]
fn a_pattern_without_a_match_is_a_warning_or_an_error_by_the_variant() {
    for (directive, severity) in [
        ("include", "warning"),
        ("includer", "error"),
        ("includem", "error"),
        ("includew", "error"),
        ("includea", "error"),
    ] {
        let loaded = text(&format!("{directive} /nonexistent/*.conf\n{GOOD}"));
        assert_eq!(
            remarks(&loaded),
            [format!(
                "1 {severity}: no file matches `/nonexistent/*.conf`"
            )]
        );
    }
}

#[test]
fn includeb_wants_the_braces_of_each_file_to_match() {
    let folder = folder(&[
        ("main.conf", b"includeb a.conf\n}\n"),
        ("a.conf", b"global_defs {\n"),
    ]);
    let loaded = load(&folder.path().join("main.conf"));
    assert!(only_error(&loaded).ends_with("a.conf` do not match"));
}

#[test]
fn a_file_of_nothing_but_unknown_words_is_told_in_bounds() {
    let loaded = text(&"nonsense\n".repeat(3000));
    assert_eq!((loaded.diagnostics.len(), loaded.exit_code()), (1001, 2));
    assert_eq!(
        loaded.diagnostics[1000].message,
        "2000 more remarks are not shown"
    );
}

#[test]
fn a_remark_on_a_huge_line_has_its_place_without_the_line() {
    let loaded = text(&format!("global_defs {{ {} }}", "nonsense ".repeat(5000)));
    let rendered = loaded.render(Color::Plain);
    assert!(rendered.contains("--> test.conf:1:15"), "{rendered}");
    assert!(rendered.len() < 1000, "{} bytes", rendered.len());
}
