//! Reading `authentication`, of VRRP version 2 only.

use super::{
    super::{
        Diagnostic,
        grammar::AUTHENTICATION,
        settings::Settings,
        value::{Spanned, choice},
    },
    Authentication, AuthenticationType, Version,
};

/// Bytes of a password that a VRRPv2 packet has room for (RFC 2338 section 5.3.6.1).
const PASSWORD_BYTES: usize = 8;

pub(super) fn authentication(
    settings: &mut Settings<'_, '_>,
    version: Version,
) -> Option<Authentication> {
    let setting = settings.take("authentication")?;
    let mut block = Settings::read(&AUTHENTICATION, setting.block?, settings.diagnostics);
    let choices = [
        ("PASS", AuthenticationType::Pass),
        ("AH", AuthenticationType::Ah),
    ];
    let kind = block.take("auth_type");
    let kind =
        kind.and_then(|setting| block.one(&setting, |word| choice(word, "auth_type", &choices)));
    let password = block.word("auth_pass");
    block.finish();
    let diagnostics = &mut *settings.diagnostics;
    if version == Version::Three {
        diagnostics.push(
            Diagnostic::warning(setting.span, "VRRP version 3 has no authentication")
                .label("ignored, as in keepalived"),
        );
        return None;
    }
    if let Some(Spanned {
        value: AuthenticationType::Ah,
        span,
    }) = kind
    {
        diagnostics.push(
            Diagnostic::error(span, "`auth_type AH` is not supported")
                .label("packets could not be authenticated")
                .help("write `auth_type PASS` on all directors of this instance"),
        );
    }
    let Some(password) = password else {
        diagnostics.push(
            Diagnostic::error(setting.span, "`authentication` has no `auth_pass`")
                .note("keepalived would send its packets without authentication")
                .help("add `auth_pass`, or take the block away"),
        );
        return None;
    };
    warn_of_long_password(&password, diagnostics);
    let auth_pass = password.value.bytes().take(PASSWORD_BYTES).collect();
    Some(Authentication {
        auth_type: kind.map_or(AuthenticationType::Pass, |kind| kind.value),
        auth_pass,
    })
}

fn warn_of_long_password(password: &Spanned<String>, diagnostics: &mut Vec<Diagnostic>) {
    let length = password.value.len();
    if length > PASSWORD_BYTES {
        diagnostics.push(
            Diagnostic::warning(
                password.span,
                format!("`auth_pass` has {length} bytes; the packet has room for {PASSWORD_BYTES}"),
            )
            .label("only the first 8 bytes are used, as in keepalived")
            .help(
                "cut it to 8 bytes on all directors of this instance; on the wire nothing changes",
            ),
        );
    }
}
