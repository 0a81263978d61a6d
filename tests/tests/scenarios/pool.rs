//! A pool of idle connections, as applications keep them, when one of two servers fails.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{MariaDb, Share, XdpMode, vips, wait};

use crate::{AT_ONCE, SHORT, SOON, pair::Pair};

in_both_modes!(a_pool_of_a_thousand_loses_the_half_that_has_failed_and_one_query,);

const SIZE: usize = 1000;

/// Opening a thousand connections takes two seconds, on a busy machine several.
const LONG: Duration = Duration::from_secs(40);

fn a_pool_of_a_thousand_loses_the_half_that_has_failed_and_one_query(mode: XdpMode) -> Result<()> {
    let mut pair = Pair::start(mode)?;
    let [vip, _] = vips(3306);
    let client = pair.lab.client.clone();
    let sessions = |database: &MariaDb| -> Result<usize> {
        let count = "select count(*) from information_schema.processlist \
                     where user = 'lab' and id <> connection_id()";
        Ok(client.query(database.address(), count)?.parse()?)
    };
    let failed = pair.databases.real_3306.id();
    let living = pair.databases.sorry_3306.id();

    let mut pool = client.pool(vip, SIZE)?;
    let halves = Share::from([(failed, SIZE / 2), (living, SIZE / 2)]);
    assert_eq!(pool.fill(LONG)?, halves);
    assert_eq!(pool.told(SHORT)?, Share::new());
    assert_eq!(sessions(&pair.databases.real_3306)?, SIZE / 2);

    // It fails by its check, but is alive, so that it is not its own host that tells.
    pair.databases.real_3308.kill()?;
    let server = pair.lab.real_server.address;
    pair.serving
        .director
        .await_state(3306, server, "down", SOON)?;
    let told = Share::from([(failed, SIZE / 2)]);
    wait::until("half of the pool is told", AT_ONCE, || {
        (pool.told(SHORT).ok()? == told).then_some(())
    })?;
    wait::until("the failed server has ended their sessions", SOON, || {
        (sessions(&pair.databases.real_3306).ok()? == 0).then_some(())
    })?;
    // The other half has noticed nothing.
    assert_eq!(pool.spared(LONG)?, Share::from([(living, SIZE / 2)]));
    assert_eq!(sessions(&pair.databases.sorry_3306)?, SIZE / 2);
    assert_eq!(pool.told(SHORT)?, told);

    // The first query that comes upon an ended connection fails; the pool then opens anew what it lends.
    let count = 2 * SIZE;
    let queries = pool.query(count, LONG)?;
    ensure!(queries.failures.len() == 1, "{:?}", queries.failures);
    assert_eq!(queries.answers, Share::from([(living, count - 1)]));
    wait::until("the pool is full again", SOON, || {
        (sessions(&pair.databases.sorry_3306).ok()? == SIZE).then_some(())
    })
}
