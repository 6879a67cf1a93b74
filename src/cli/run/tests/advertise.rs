use crate::run::advertise::Advertise;

#[test]
fn an_address_is_what_can_stand_in_front_of_an_images_name() {
    for (text, host, listen) in [
        ("host.docker.internal:5055", "host.docker.internal", "0.0.0.0:5055"),
        ("192.0.2.1:1", "192.0.2.1", "0.0.0.0:1"),
        ("runner:0", "runner", "0.0.0.0:0"),
        ("[2001:db8::1]:65535", "[2001:db8::1]", "[::]:65535"),
    ] {
        let address = Advertise::parse(text).unwrap();
        assert_eq!((address.host.as_str(), address.listen().to_string().as_str()), (host, listen));
    }
    for text in [
        "",
        "host",
        "host:",
        ":5055",
        "host:65536",
        "a_b:1",
        "a..b:1",
        "-a:1",
        "a/b:1",
        "2001:db8::1:1",
        "[x]:1",
        "a b:1",
    ] {
        assert!(Advertise::parse(text).is_err(), "{text}");
    }
}
