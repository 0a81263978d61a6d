//! Native mode where the driver can, generic mode with one clear warning where it cannot.

use anyhow::{Result, ensure};
use lab::{Lab, XdpMode, example};

#[test]
fn auto_takes_native_mode_where_the_driver_can() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let mut director = lab.daemon(example::MASTER)?;
    director.start_in("auto")?;
    assert_eq!(director.status()?["instances"][0]["xdp_mode"], "native");
    Ok(())
}

#[test]
fn auto_falls_back_to_generic_mode_with_one_warning() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    lab.refuse_native_mode()?;
    let mut director = lab.daemon(example::MASTER)?;
    director.start_in("auto")?;
    let status = director.status()?;
    assert_eq!(status["instances"][0]["xdp_mode"], "generic");
    let warnings: Vec<_> = status["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|warning| warning.as_str())
        .collect();
    assert_eq!(
        warnings
            .iter()
            .filter(|warning| warning.contains("generic mode"))
            .count(),
        1,
        "{warnings:?}"
    );
    assert_eq!(
        director.log().matches("generic mode").count(),
        1,
        "{}",
        director.log()
    );
    Ok(())
}

#[test]
fn native_mode_is_not_given_up_in_silence() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    lab.refuse_native_mode()?;
    let director = lab.daemon(example::MASTER)?;
    let output = director.outcome(&mut director.run_command_in("native"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    ensure!(said.contains("eth0") && said.contains("native"), "{said}");
    ensure!(
        !lab.director.has_xdp()? && !director.is_pinned()?,
        "something was attached or pinned"
    );
    Ok(())
}
