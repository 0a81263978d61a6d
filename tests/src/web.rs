//! A real nginx on port 80 of a host, and a client's requests to it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    client::Client, host::Host, lab::Lab, place::Families, process::Process, source::Source, wait,
};

const START_LIMIT: Duration = Duration::from_secs(15);

/// A running nginx, all of whose answers name its host.
#[derive(Debug)]
pub struct WebServer {
    process: Process,
}

/// An answer, and the connection that it came by, which stays open as long as this lives.
#[derive(Debug)]
pub struct Page {
    /// Name of the host that answered.
    pub server: String,
    pub length: usize,
    stream: TcpStream,
}

impl Lab {
    /// Starts nginx on a host.
    pub fn start_web_server(&self, host: &Host) -> Result<WebServer> {
        WebServer::start(host, &self.folder().join(format!("nginx-{}", host.name)))
    }

    /// Starts nginx on several hosts.
    pub fn start_web_servers(&self, hosts: &[&Host]) -> Result<Vec<WebServer>> {
        hosts
            .iter()
            .map(|host| self.start_web_server(host))
            .collect()
    }
}

impl WebServer {
    fn start(host: &Host, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(folder.join("megabyte"), vec![b'm'; 1_000_000])?;
        fs::write(folder.join("nginx.conf"), configuration(host, folder))?;
        let log = folder.join("error.log");
        let mut nginx = Command::new("nginx");
        // Its compiled-in log is the machine's own.
        nginx.arg("-e").arg(&log).arg("-p").arg(folder);
        nginx.arg("-c").arg(folder.join("nginx.conf"));
        let mut process = Process::start(&host.namespace, &mut nginx, &log)?;
        let what = format!("nginx on {} answers", host.name);
        let own = SocketAddr::from((host.address, 80));
        let answers = || {
            let connected = host.namespace.enter(|| TcpStream::connect(own));
            if connected.is_ok_and(|connected| connected.is_ok()) {
                return Some(true);
            }
            process.ended().ok()?.map(|_| false)
        };
        ensure!(
            wait::until(&what, START_LIMIT, answers)?,
            "nginx on {} ended at once:\n{}",
            host.name,
            process.log()
        );
        Ok(Self { process })
    }

    /// What it complained of.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// `kill -9`. Its host's TCP then refuses connections and resets the open ones.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }
}

/// One process, so that a kill leaves none behind. Everything that nginx writes lies in `folder`.
fn configuration(host: &Host, folder: &Path) -> String {
    let listen6 = match host.families {
        Families::V4 => "",
        Families::Both => "listen [::]:80 backlog=4096 ipv6only=on;",
    };
    let (name, folder) = (host.name, folder.display());
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\nuser root;\npid {folder}/pid;\nevents {{ worker_connections 4096; }}\n\
         http {{\naccess_log off;\ndefault_type text/plain;\nkeepalive_timeout 300s;\n{temporary}\
         server {{\nlisten 0.0.0.0:80 backlog=4096;\n{listen6}\nadd_header X-Server {name};\n\
         location / {{ return 200 \"{name}\"; }}\n\
         location /closing {{ keepalive_timeout 0; return 200 \"{name}\"; }}\n\
         location /megabyte {{ alias {folder}/megabyte; }}\n}}\n}}\n"
    )
}

impl Client {
    /// Asks for a page on a connection of its own, which stays open. `/` is short, `/megabyte` is long, and after `/closing`
    /// the server closes the connection.
    pub fn get(
        &self,
        source: Source,
        server: impl Into<SocketAddr>,
        path: &str,
        limit: Duration,
    ) -> Result<Page> {
        let server = server.into();
        let stream = self.connect_from(source, server, limit)?;
        Page::ask(stream, path).with_context(|| format!("no answer from {server}"))
    }
}

impl Client {
    /// Waits until the server has closed the connection, closes it, too, and waits until its port is free.
    pub fn close_after_the_server(&self, mut page: Page) -> Result<()> {
        let rest = page.stream.read(&mut [0])?;
        ensure!(rest == 0, "the server sent more than it said");
        let own = page.stream.local_addr()?;
        drop(page);
        wait::until("the connection's port is free", START_LIMIT, || {
            let listed = self.host.namespace.run(Command::new("ss").args([
                "-H",
                "-a",
                "-t",
                "-n",
                "sport",
                "=",
                &own.port().to_string(),
            ]));
            listed
                .is_ok_and(|listed| listed.trim().is_empty())
                .then_some(())
        })
    }
}

impl Page {
    fn ask(mut stream: TcpStream, path: &str) -> Result<Self> {
        write!(stream, "GET {path} HTTP/1.1\r\nHost: lab\r\n\r\n")?;
        let mut reader = BufReader::new(&stream);
        let (mut server, mut length) = (None, None);
        let mut lines = reader.by_ref().lines();
        let status = lines.next().context("no status line")??;
        ensure!(status.starts_with("HTTP/1.1 200"), "{status}");
        for line in lines {
            let line = line?;
            match line.split_once(": ") {
                Some(("X-Server", value)) => server = Some(value.to_owned()),
                Some(("Content-Length", value)) => length = Some(value.parse()?),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length.context("an answer without a length")?];
        reader.read_exact(&mut body)?;
        Ok(Self {
            server: server.context("an answer without a server's name")?,
            length: body.len(),
            stream,
        })
    }

    /// Asks again on the same connection.
    pub fn again(self, path: &str) -> Result<Self> {
        Self::ask(self.stream, path)
    }

    /// Closes the connection by a reset, so that its port is free at once.
    pub fn reset(self) -> Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
        Ok(())
    }
}
