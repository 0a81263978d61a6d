//! Whatever is read, nothing panics and every diagnostic has a place.

use std::path::Path;

use proptest::prelude::*;

use super::super::{Color, Loaded, parse};

const EXAMPLE: &[u8] = include_bytes!("../../../../examples/keepalived-master.conf");

fn judge(bytes: &[u8]) -> Result<(), TestCaseError> {
    let loaded = parse(Path::new("arbitrary.conf"), bytes);
    let rendered = loaded.render(Color::Plain);
    prop_assert_eq!(rendered.is_empty(), loaded.diagnostics.is_empty());
    prop_assert_eq!(loaded.config.is_none(), loaded.errors() > 0);
    places_are_in_the_file(&loaded)
}

fn places_are_in_the_file(loaded: &Loaded) -> Result<(), TestCaseError> {
    for diagnostic in &loaded.diagnostics {
        let spans = std::iter::once(diagnostic.span)
            .chain(diagnostic.related.iter().map(|(span, _)| *span));
        for span in spans {
            let file = loaded.sources.file(span);
            let text = file.map(|file| file.text().get(span.start as usize..span.end as usize));
            prop_assert!(
                text.flatten().is_some(),
                "{:?} of {:?}",
                span,
                diagnostic.message
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        judge(&bytes)?;
    }

    #[test]
    fn arbitrary_words_and_braces_never_panic(text in "((global_defs|vrrp_instance|virtual_server|real_server|TCP_CHECK|10\\.0\\.0\\.1|fd00::1|weight|lvs_timeouts|tcp|persistence_(timeout|granularity)|[ul]threshold|sh-port|(vrrp_)?(script|track_process)|track_(file|script|interface)|unicast_peer|(min|max)_ttl|director_witness|required|notify(_fifo)?|use_vmac|process|file|reverse|[a-z]{1,3}|80|\"|'|\\\\|#|!|\\{|\\}|\n|@|\\$)[ ]?){0,80}") {
        judge(text.as_bytes())?;
    }

    #[test]
    fn arbitrary_mutations_of_the_example_never_panic(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..20, proptest::collection::vec(any::<u8>(), 0..4)), 1..6),
    ) {
        let mut bytes = EXAMPLE.to_vec();
        for (index, removed, inserted) in edits {
            let start = index.index(bytes.len());
            let end = (start + removed).min(bytes.len());
            bytes.splice(start..end, inserted);
        }
        judge(&bytes)?;
    }
}
