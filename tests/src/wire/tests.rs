use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 6];

fn frame(ether_type: u16, payload: &[&[u8]]) -> Frame {
    let mut bytes = [[0xff; 6], MAC].concat();
    bytes.extend(ether_type.to_be_bytes());
    bytes.extend(payload.concat());
    Frame {
        at: Duration::from_secs(1),
        bytes,
    }
}

fn advert_of(mac: &str, at_millis: u64, priority: u8) -> Advert {
    Advert {
        at: Duration::from_millis(at_millis),
        mac: mac.to_owned(),
        source: IpAddr::from([10, 0, 0, 1]),
        destination: IpAddr::from([224, 0, 0, 18]),
        version: 2,
        virtual_router_id: 1,
        priority,
        addresses: 1,
    }
}

/// An IPv4 header of 24 bytes, so that the length of the header is not taken for granted.
fn ipv4_header(protocol: u8) -> Vec<u8> {
    let mut header = vec![0; 24];
    header[0] = 0x46;
    header[8] = 255;
    header[9] = protocol;
    header[12..16].copy_from_slice(&[192, 168, 66, 6]);
    header[16..20].copy_from_slice(&[224, 0, 0, 18]);
    header
}

#[test]
fn an_advertisement_of_each_family_is_read() {
    let v4 = frame(
        ETHERTYPE_IPV4,
        &[&ipv4_header(VRRP), &[0x21, 200, 100, 1, 1, 1, 0, 0]],
    );
    let heard = advert(&v4).expect("an advertisement");
    assert_eq!(heard.mac, "02:00:00:00:00:06");
    assert_eq!(heard.source, IpAddr::from([192, 168, 66, 6]));
    assert_eq!(heard.destination, IpAddr::from([224, 0, 0, 18]));
    assert_eq!(
        (heard.version, heard.virtual_router_id, heard.priority),
        (2, 200, 100)
    );

    let mut header = vec![0; 40];
    header[6] = VRRP;
    header[8] = 0xfe;
    header[39] = 0x12;
    let v6 = frame(ETHERTYPE_IPV6, &[&header, &[0x31, 66, 0, 2, 0, 10, 0, 0]]);
    let heard = advert(&v6).expect("an advertisement");
    assert_eq!((heard.version, heard.priority, heard.addresses), (3, 0, 2));
    assert_eq!(heard.destination.to_string(), "::12");
}

#[test]
fn what_is_cut_off_or_something_else_is_no_advertisement() {
    let whole = frame(ETHERTYPE_IPV4, &[&ipv4_header(VRRP), &[0x21, 200, 100, 1]]);
    assert!(advert(&whole).is_some());
    for length in 0..whole.bytes.len() {
        let cut = Frame {
            at: whole.at,
            bytes: whole.bytes[..length].to_vec(),
        };
        assert_eq!(advert(&cut), None, "{length} bytes");
        assert_eq!(announcement(&cut), None, "{length} bytes");
    }
    let tcp = frame(ETHERTYPE_IPV4, &[&ipv4_header(6), &[0x21, 200, 100, 1]]);
    assert_eq!(advert(&tcp), None);
}

#[test]
fn an_announcement_is_about_the_sender_s_own_address() {
    let arp = |sender: [u8; 4], target: [u8; 4]| {
        let head = [0, 1, 8, 0, 6, 4, 0, 1];
        let arp = frame(ETHERTYPE_ARP, &[&head, &MAC, &sender, &[0; 6], &target]);
        announcement(&arp).map(|announcement| announcement.address)
    };
    let vip = [192, 168, 66, 251];
    assert_eq!(arp(vip, vip), Some(IpAddr::from(vip)));
    assert_eq!(arp([192, 168, 66, 6], vip), None);

    let advertisement = |flags: u8| {
        let mut header = vec![0; 40];
        header[6] = ICMPV6;
        let mut target = [0; 16];
        target[15] = 0x51;
        let message = [&[136, 0, 0, 0, flags, 0, 0, 0][..], &target].concat();
        announcement(&frame(ETHERTYPE_IPV6, &[&header, &message]))
            .map(|announcement| announcement.address.to_string())
    };
    assert_eq!(advertisement(0x20), Some("::51".to_owned()));
    assert_eq!(advertisement(0x60), None, "it was asked for");
}

#[test]
fn two_masters_at_a_time_show_as_turns() {
    let one_after_the_other = [
        advert_of("a", 0, 100),
        advert_of("a", 100, 100),
        advert_of("a", 200, 0),
        advert_of("b", 250, 90),
    ];
    assert_eq!(succession(&one_after_the_other), ["a", "b"]);
    let both = [
        advert_of("a", 0, 100),
        advert_of("b", 50, 90),
        advert_of("a", 100, 100),
        advert_of("b", 150, 90),
    ];
    assert_eq!(succession(&both), ["a", "b", "a", "b"]);
}

#[test]
fn one_advertisement_may_cross_the_successor_s_first_and_no_other() {
    let crossed = [
        advert_of("b", 0, 90),
        advert_of("a", 100, 100),
        advert_of("b", 101, 90),
        advert_of("a", 200, 100),
    ];
    assert_eq!(succession(&crossed), ["b", "a"]);
    let late = [
        advert_of("b", 0, 90),
        advert_of("a", 100, 100),
        advert_of("b", 180, 90),
    ];
    assert_eq!(succession(&late), ["b", "a", "b"]);
    let both_for_good = [
        advert_of("b", 0, 90),
        advert_of("a", 100, 100),
        advert_of("b", 101, 90),
        advert_of("a", 200, 100),
        advert_of("b", 201, 90),
    ];
    assert_eq!(succession(&both_for_good), ["b", "a", "b"]);
}

#[test]
fn the_longest_pause_is_between_two_that_follow_one_another() {
    let adverts = [
        advert_of("a", 0, 1),
        advert_of("a", 100, 1),
        advert_of("a", 350, 1),
        advert_of("a", 400, 1),
    ];
    assert_eq!(longest_pause(&adverts), Some(Duration::from_millis(250)));
    assert_eq!(longest_pause(&adverts[..1]), None);
}
