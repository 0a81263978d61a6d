use super::*;

#[test]
fn blanks_part_arguments_and_quotes_keep_them_together() {
    let cases: [(&str, &[&str]); 8] = [
        ("/bin/true", &["/bin/true"]),
        ("  killall \t -0  haproxy ", &["killall", "-0", "haproxy"]),
        ("/x 'a b' \"c d\"", &["/x", "a b", "c d"]),
        ("/x abcd' efg h 'mnop", &["/x", "abcd efg h mnop"]),
        ("/x ''", &["/x", ""]),
        ("/x \"it's\" 'a \"b\"'", &["/x", "it's", "a \"b\""]),
        (
            r#"/x a\ b \' \" \\ \x41 \102 \tc"#,
            &["/x", "a b", "'", "\"", "\\", "A", "B", "\tc"],
        ),
        ("'/a b' c", &["/a b", "c"]),
    ];
    for (text, expected) in cases {
        assert_eq!(
            words(text),
            Ok(expected.iter().map(|word| (*word).to_owned()).collect()),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_command_is_refused() {
    for (text, why) in [
        ("", Malformed::Empty),
        (" \t ", Malformed::Empty),
        ("''", Malformed::Empty),
        ("/x 'a", Malformed::Unclosed('\'')),
        ("/x \"a'", Malformed::Unclosed('"')),
        (r"/x \000", Malformed::Nul),
    ] {
        assert_eq!(words(text), Err(why), "{text}");
    }
}

#[test]
fn a_backslash_at_the_end_escapes_nothing() {
    assert_eq!(words("/x a\\"), Ok(vec!["/x".to_owned(), "a".to_owned()]));
}

#[test]
fn shell_syntax_is_noticed_unless_a_shell_reads_it() {
    for (text, syntax) in [
        ("ps -ef | grep mycat", Some("|")),
        ("/x </dev/null", Some("</dev/null")),
        ("/x 2>/dev/null", Some("2>/dev/null")),
        ("/x && /y", Some("&&")),
        ("/bin/sh -c 'ps -ef | grep mycat'", None),
        ("/bin/sh -c 'a' | b", None),
        ("/x --level=>3 a|b", None),
    ] {
        let words = words(text).expect("it has words");
        assert_eq!(shell_syntax(&words), syntax, "{text}");
    }
}

#[test]
fn a_redirection_in_front_is_for_a_shell() {
    for (text, expected) in [
        ("</dev/tcp/127.0.0.1/3306", true),
        (">/run/x echo 1", true),
        ("/x </dev/null", false),
    ] {
        let words = words(text).expect("it has words");
        assert_eq!(is_for_a_shell(&words), expected, "{text}");
    }
}
