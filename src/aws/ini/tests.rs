use proptest::prelude::*;

use super::*;

/// Formats each section on one line, as sorted `key=text` or `key→{sub=text}`.
fn shown(ini: &Ini) -> String {
    let properties = |section: &Section| {
        let show = |(key, value): (&String, &Value)| {
            if value.nested.is_empty() {
                return format!("{key}={}", value.text);
            }
            let nested: Vec<_> = value.nested.iter().map(|(key, value)| format!("{key}={}", value.text)).collect();
            format!("{key}→{{{}}}", nested.join(", "))
        };
        section.iter().map(show).collect::<Vec<_>>().join(" | ")
    };
    let sections = ini.sections.iter().map(|(name, section)| format!("[{name}] {}", properties(section)));
    sections.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[test]
fn files_are_parsed_as_the_go_sdk_parses_them() {
    let cases = [
        (
            "[default]\naws_access_key_id = A\naws_secret_access_key=B",
            "[default] aws_access_key_id=A | aws_secret_access_key=B",
        ),
        ("  [ profile\t  x  ] ; c\nregion=r", "[profile x] region=r"),
        ("[default]#c\na=1\n[a;b]\nb=2", "[default] a=1 | b=2"),
        ("[default]\na=v # c\nb=v\t;c\nc=v#nc\nd= #c", "[default] a=v | b=v | c=v#nc | d="),
        ("[default]\naws_secret_access_key = ab/c+d==", "[default] aws_secret_access_key=ab/c+d=="),
        ("[default]\nregion: eu\nu=http://h:9/p\nw:http://x=y", "[default] region=eu | u=http://h:9/p | w=http://x=y"),
        (
            "[default]\na=\"x y\"\nb='q'\nc=\"x'\nd=\"x # y\"\ne=\"\"x\"\"",
            "[default] a=x y | b=q | c=\"x' | d=\"x | e=\"x\"",
        ),
        ("[default]\nAWS_Access_Key_ID=A", "[default] aws_access_key_id=A"),
        ("[default]\na=1\n[x]\nz=1\n[default]\na=2\nb=3", "[default] a=2 | b=3\n[x] z=1"),
        (
            "[default]\ns3 =\n  addressing_style = path\n  max=3 # c\nregion=r",
            "[default] region=r | s3→{addressing_style=path, max=3 # c}",
        ),
        ("[default]\na=1\n  b=2 # c", "[default] a=1 | b=2"),
        (
            "[default]\n  aws_access_key_id=A\n  aws_secret_access_key=B",
            "[default] aws_access_key_id=A | aws_secret_access_key=B",
        ),
        ("[default]\na=1\n  foo # bar", "[default] a=1\nfoo # bar"),
        ("[default]\ncredential_process=cmd \\\n  --arg=x", "[default] --arg=x | credential_process=cmd \\"),
        ("region=a\n[default]\nx=1\njunk\n[profile y", "[default] x=1"),
        ("[default]\r\nregion=r # c\r\na=\"q\"\r", "[default] a=q | region=r"),
        // The Go SDK loses this section.
        ("\u{feff}[default]\nregion=r", "[default] region=r"),
        ("\u{feff}# c\n[default]\nregion=r", "[default] region=r"),
        ("[profile my prof]\n[profile \"q\"]\n[profile\tt]", "[profile \"q\"] \n[profile my prof] \n[profile t]"),
        ("[default]\ns3 =\n  a =\n  b = 2\n   c = 3", "[default] s3→{a=, b=2, c=3}"),
        ("[default]\na=1\n  [x]\nb=2", "[default] a=1\n[x] b=2"),
        ("[default]\na=\n  plain\nb=1", "[default] a= | b=1"),
        // The Go SDK panics here.
        ("[default]\na=\"\nb='", "[default] a=\" | b='"),
        ("[]\na=1", ""),
        ("[default]\n=x\n  a=1", "[default] =x | a=1"),
        ("[default]\nregion=r\r[x]", "[default] region=r\r[x]"),
        ("[default]\u{a0}\nregion\u{a0}=\u{a0}r\u{a0}", "[default] region=r"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(&parse(text)), expected, "{text:?}");
    }
}

#[test]
fn commands_are_kept_verbatim() {
    for (line, command) in [
        (r#"credential_process = "/a b/c" one "two words""#, r#""/a b/c" one "two words""#),
        (r#"credential_process="/a b/c""#, r#""/a b/c""#),
        ("credential_process: 'c' 'x'", "'c' 'x'"),
        ("Credential_Process = 'c'  # why", "'c'  # why"),
        ("credential_process = true ; cat /x/ok.json", "true ; cat /x/ok.json"),
        ("credential_process = true\t;cat '#x' #y", "true\t;cat '#x' #y"),
        ("  credential_process = \"a b\" \"c # d\"\t; why", "\"a b\" \"c # d\"\t; why"),
        ("credential_process = # why", ""),
        ("credential_process = ; why", ""),
        ("credential_process =#c", "#c"),
    ] {
        let ini = parse(&format!("[default]\n{line}\r\nregion='r'"));
        assert_eq!(ini.sections["default"]["credential_process"].text, command, "{line}");
        assert_eq!(ini.sections["default"]["region"].text, "r", "{line}");
    }
}

#[test]
fn lines_are_counted_from_one() {
    let ini = parse("# c\r\n\r\n[default]\r\nregion = r\r\ns3 =\r\n  endpoint_url = u\r\n");
    let section = &ini.sections["default"];
    assert_eq!(section["region"].line, 4);
    assert_eq!(section["s3"].nested["endpoint_url"].line, 6);
}

#[test]
fn debug_output_omits_values() {
    let ini = parse("[default]\naws_secret_access_key = MARKED\ns3 =\n  x = MARKED");
    assert!(!format!("{ini:?}").contains("MARKED"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        parse(&text);
    }
}
