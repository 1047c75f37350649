//! Every mistake a person can make in a model file, and what is said about it.
//!
//! Each test takes a tiny model that is sound, spoils one file, and compares the rendered mistakes with a snapshot. A
//! changed message shows up as a changed snapshot; `INSTA_UPDATE=always cargo test -p codegen` accepts it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny;

use insta::assert_snapshot;
use tiny::{Tiny, field, input, output, said, shape};

/// One spoilt field after another, each in a model of its own.
fn fields(place: fn(&str) -> String, lines: &[&str]) -> String {
    let all: Vec<String> = lines.iter().map(|line| said(&[(tiny::OPERATION, &place(line))])).collect();
    all.join("\n")
}

#[test]
fn accepts_the_tiny_model() {
    assert_eq!(Tiny::default().mistakes(), "");
}

#[test]
fn names_unknown_keys_and_the_key_that_was_meant() {
    let operation = input("x = { headr = \"x-a\", doc = \"d\" }").replace("group", "gruop");
    assert_snapshot!(said(&[(tiny::OPERATION, &operation)]));
}

#[test]
fn names_wrong_kinds_of_values() {
    assert_snapshot!(said(&[(
        tiny::OPERATION,
        &input("x = { header = 5, required = \"yes\", range = 3, items = \"a\", doc = \"d\" }")
    )]));
}

#[test]
fn refuses_places_that_contradict_each_other() {
    assert_snapshot!(fields(
        input,
        &[
            "x = { header = \"x-a\", query = \"a\", doc = \"d\" }",
            "x = { doc = \"no place\" }",
            "x = { xml = \"A\", doc = \"d\" }",
            "x = { payload = \"strem\", doc = \"d\" }",
            "x = { payload = \"xml\", doc = \"d\" }",
            "x = { header = \"x-a\", root = \"A\", doc = \"d\" }",
            "x = { header = \"X-Amz-Thing\", doc = \"d\" }",
            "x = { header = \"a b\", doc = \"d\" }",
            "x = { header = \"authorization\", doc = \"d\" }",
            "x = { query = \"a b\", doc = \"d\" }",
        ]
    ));
    assert_snapshot!(fields(
        output,
        &[
            "x = { query = \"a\", doc = \"d\" }",
            "x = { xml = \"A/B\", doc = \"d\" }",
            "x = { xml = \"@a\", doc = \"d\" }"
        ]
    ));
}

#[test]
fn refuses_a_body_that_is_two_things() {
    let twice = input("x = { payload = \"stream\", doc = \"d\" }\ny = { payload = \"text\", doc = \"d\" }");
    assert_snapshot!(said(&[(tiny::OPERATION, &twice)]));
    let both = output("x = { payload = \"stream\", doc = \"d\" }\ny = { doc = \"d\" }");
    assert_snapshot!(said(&[(tiny::OPERATION, &both)]));
    let get = input("x = { payload = \"stream\", doc = \"d\" }").replace("PUT", "GET");
    assert_snapshot!(said(&[(tiny::OPERATION, &get)]));
    let head = output("x = { payload = \"stream\", doc = \"d\" }").replace("PUT", "HEAD");
    assert_snapshot!(said(&[(tiny::OPERATION, &head)]));
}

#[test]
fn asks_for_the_fields_of_the_path() {
    assert_snapshot!(said(&[(
        tiny::OPERATION,
        &Tiny::text(tiny::OPERATION).replace("key = { doc", "kay = { query = \"k\", doc")
    )]));
    assert_snapshot!(said(&[(
        tiny::OPERATION,
        &Tiny::text(tiny::OPERATION)
            .replace("key = { doc", "key = { header = \"x-k\", required = false, type = \"i32\", doc")
    )]));
}

#[test]
fn refuses_http_lines() {
    let with =
        |line: &str| said(&[(tiny::OPERATION, &Tiny::text(tiny::OPERATION).replace("PUT /{bucket}/{key}?tiny", line))]);
    let lines = [
        "PUT",
        "PTU /{bucket}/{key}",
        "PUT /{bucket}/{Key+}",
        "PUT /{bucket}/{key}?a&a=1",
        "PUT /{bucket}/{key}?a b",
        "PUT bucket",
    ];
    assert_snapshot!(lines.map(with).join("\n"));
}

#[test]
fn names_unknown_types_and_the_type_that_was_meant() {
    assert_snapshot!(fields(
        input,
        &[
            "x = { query = \"x\", type = \"Strng\", doc = \"d\" }",
            "x = { query = \"x\", type = \"boolean\", doc = \"d\" }",
            "x = { query = \"x\", type = \"Colour\", doc = \"d\" }",
            "x = { header = \"x-x\", type = \"List<Clor>\", doc = \"d\" }",
            "x = { header = \"x-x\", type = \"List\", doc = \"d\" }",
            "x = { header = \"x-x\", type = \"List<List<String>>\", doc = \"d\" }",
            "x = { header = \"x-x-*\", type = \"Map<i32>\", doc = \"d\" }",
            "x = { header = \"x-x\", type = \"Nothing\", doc = \"d\" }",
        ]
    ));
}

#[test]
fn refuses_types_that_do_not_fit_their_place() {
    assert_snapshot!(fields(
        input,
        &[
            "x = { query = \"x\", type = \"Pair\", doc = \"d\" }",
            "x = { query = \"x\", type = \"List<String>\", doc = \"d\" }",
            "x = { header = \"x-x\", type = \"Pair\", doc = \"d\" }",
            "x = { header = \"x-x-*\", doc = \"d\" }",
            "x = { header = \"x-x\", type = \"Map<String>\", doc = \"d\" }",
            "x = { payload = \"stream\", type = \"String\", doc = \"d\" }",
            "x = { payload = \"text\", type = \"i32\", doc = \"d\" }",
            "x = { payload = \"xml\", type = \"Color\", doc = \"d\" }",
            "x = { query = \"x\", type = \"CopySource\", doc = \"d\" }",
        ]
    ));
    assert_snapshot!(fields(
        output,
        &[
            "x = { type = \"List<String>\", doc = \"d\" }",
            "x = { xml = \"X\", type = \"List<String>\", doc = \"d\" }",
            "x = { xml = \"X[]\", doc = \"d\" }",
            "x = { xml = \".\", type = \"Pair\", doc = \"d\" }",
            "x = { type = \"Map<String>\", doc = \"d\" }",
            "x = { xml = \".\", doc = \"d\" }\ny = { doc = \"d\" }",
        ]
    ));
}

#[test]
fn refuses_keys_that_do_not_go_together() {
    assert_snapshot!(fields(
        input,
        &[
            "x = { query = \"x\", default = \"a\", doc = \"d\" }",
            "x = { query = \"x\", unless_set = \"a\", required = true, doc = \"d\" }",
            "x = { query = \"x\", unless_set = \"rd\", type = \"Color\", doc = \"d\" }",
            "x = { query = \"x\", unless_set = 5, doc = \"d\" }",
            "x = { query = \"x\", type = \"i32\", secret = true, doc = \"d\" }",
            "x = { query = \"x\", format = \"date-time\", doc = \"d\" }",
            "x = { query = \"x\", type = \"Timestamp\", format = \"datetime\", doc = \"d\" }",
            "x = { query = \"x\", range = [1, 2], doc = \"d\" }",
            "x = { query = \"x\", type = \"i32\", range = [2, 1], doc = \"d\" }",
            "x = { query = \"x\", type = \"i32\", range = [2], doc = \"d\" }",
            "x = { query = \"x\", type = \"i32\", length = [1, 2], not_prefix = \"a\", items = [0, 3], doc = \"d\" }",
            "x = { query = \"x\", length = [-1, 2], doc = \"d\" }",
            "x = { payload = \"xml\", type = \"Pair\", items = [0, 3], doc = \"d\" }",
            "x = { payload = \"xml\", type = \"Pair\", items = { lft = [0, 3] }, doc = \"d\" }",
            "x = { header = \"x-x\", type = \"List<String>\", items = [0, 0], doc = \"d\" }",
            "x = { header = \"x-x\", type = \"List<String>\", items = [3], doc = \"d\" }",
            "x = { header = \"x-x\", type = \"List<String>\", unique = \"a\", doc = \"d\" }",
            "x = { payload = \"xml\", type = \"Pair\", unique = \"lft\", doc = \"d\" }",
            "x = { header = \"x-x\", md5_of = \"key\", doc = \"d\" }",
            "x = { query = \"x\", aliases = { a = \"b\" }, doc = \"d\" }",
            "x = { query = \"x\", decoded_when = \"key\", doc = \"d\" }",
            "x = { query = \"x\" }",
        ]
    ));
    assert_snapshot!(fields(
        output,
        &[
            "x = { required = true, default = \"a\", doc = \"d\" }",
            "x = { type = \"bool\", default = \"a\", doc = \"d\" }",
            "x = { decoded_when = \"encoding\", doc = \"d\" }",
            "x = { length = [1, 2], doc = \"d\" }",
            "x = { type = \"i32\", aliases = { a = \"b\" }, doc = \"d\" }",
            "x = { md5_of = \"y\", doc = \"d\" }",
        ]
    ));
}

#[test]
fn refuses_names_that_hide_methods_or_cannot_be_names() {
    let names = [
        "send",
        "build",
        "with_owner",
        "clone",
        "tag_items",
        "wait_until_x",
        "self",
        "crate",
        "camelCase",
        "a__b",
        "\"a-b\"",
        "_x",
    ];
    let lines: Vec<String> = names.iter().map(|name| format!("{name} = {{ query = \"q\", doc = \"d\" }}")).collect();
    assert_snapshot!(fields(input, &lines.iter().map(String::as_str).collect::<Vec<_>>()));
    let members: String = ["new", "read", "write"].map(|name| field(name, "doc = \"d\"")).concat();
    assert_snapshot!(said(&[(tiny::TYPES, &shape("Pair", &members))]));
}

#[test]
fn lets_keywords_be_names_because_emitters_escape_them() {
    assert_eq!(
        said(&[(
            tiny::OPERATION,
            &input("type = { query = \"type\", doc = \"d\" }\nmatch = { query = \"m\", doc = \"d\" }")
        )]),
        ""
    );
}

#[test]
fn refuses_wire_names_that_are_taken() {
    assert_snapshot!(fields(
        input,
        &[
            "x = { query = \"a\", doc = \"d\" }\ny = { query = \"a\", doc = \"d\" }",
            "x = { header = \"x-a\", doc = \"d\" }\ny = { header = \"x-a\", doc = \"d\" }",
            "x = { query = \"tiny\", doc = \"d\" }",
        ]
    ));
    assert_snapshot!(fields(
        output,
        &[
            "a_b = { doc = \"d\" }\nx = { xml = \"AB\", doc = \"d\" }",
            "x = { xml = \"A/B[]\", type = \"List<String>\", doc = \"d\" }\ny = { xml = \"A/C[]\", type = \"List<String>\", doc = \"d\" }"
        ]
    ));
}

#[test]
fn refuses_words_of_other_files_that_do_not_exist() {
    let text = Tiny::text(tiny::OPERATION)
        .replace("\"objects\"", "\"object\"")
        .replace("NoSuchKey", "NoSuchKy")
        .replace("https", "http");
    assert_snapshot!(said(&[(tiny::OPERATION, &text)]));
}

#[test]
fn refuses_operation_keys_that_refer_to_nothing() {
    let with = |line: &str| said(&[(tiny::OPERATION, &Tiny::text(tiny::OPERATION).replace("# more", line))]);
    let lines = [
        "pages = { tokens = { markr = \"next\" }, items = [\"items\"] }",
        "pages = { tokens = { marker = \"nxt\" }, items = [\"item\", \"next\"], more = \"next\" }",
        "pages = { tokens = { bucket = \"number\" }, items = [] }",
        "pages = { tokens = {}, items = [\"items\", \"items\"] }",
        "checksum = {}",
        "checksum = { algorithm = \"algo\" }",
        "checksum = { required = true, algorithm = \"key\" }",
        "validate = \"nothing\"",
        "waiters = { Exists = { until = \"sucess\" }, b = {}, c = { until = \"NotFound\", retry_on = \"NotFound\", delay = 0 } }",
    ];
    assert_snapshot!(lines.map(with).join("\n"));
}

#[test]
fn asks_for_what_is_missing() {
    assert_snapshot!(said(&[(tiny::OPERATION, "")]));
    assert_snapshot!(said(&[(tiny::OPERATION, &Tiny::text(tiny::OPERATION).replace("root = \"TinyResult\"", ""))]));
    assert_snapshot!(said(&[(tiny::OPERATION, &output("").replace("root = \"TinyResult\"", "root = \"A\""))]));
    assert_snapshot!(said(&[(tiny::SERVICE, "name = \"\"\n[groups.Objects]\n[groups.default]\ndoc = \"d\"")]));
    assert_snapshot!(said(&[(tiny::SERVICE, tiny::GONE), (tiny::ERRORS, tiny::GONE)]));
}

#[test]
fn refuses_error_codes_nobody_can_act_on() {
    let text = "[kinds]\nObject = [\"NotFound\"]\n[codes]\nNoSuchKey = { kind = \"Object.NotFond\", retry = \"never\", advice = \"Look.\", status = 20, fields = [\"a b\"] }\nA = { kind = \"Objekt.NotFound\" }\nB = { kind = \"Object\", retry = \"no\", advice = \"a\" }";
    assert_snapshot!(said(&[(tiny::ERRORS, text)]));
}

#[test]
fn refuses_values_that_would_share_a_name() {
    let values = "[Color]\ndoc = \"d\"\n[Color.values]\n\"a-b\" = \"d\"\na_b = \"d\"\n\"7\" = \"d\"\nother = \"d\"\n\"*\" = { doc = \"d\" }\nx = { name = \"not good\", doc = \"d\" }\ny = \"\"\nz = 4\n";
    assert_snapshot!(said(&[(
        tiny::TYPES,
        &Tiny::text(tiny::TYPES).replace("[Color]\ndoc = \"d\"\n[Color.values]\nred = \"d\"\n", values)
    )]));
}

#[test]
fn refuses_shapes_that_are_nothing_or_several_things_or_taken() {
    let more = "[String]\ndoc = \"d\"\n[String.fields]\n[tiny]\ndoc = \"d\"\n[PutTinyOutput]\ndoc = \"d\"\nfields = {}\n[Vec]\ndoc = \"d\"\nfields = {}\n[Both]\ndoc = \"d\"\nfields = {}\nvalues = {}\n[Nothing]\n[Empty]\ndoc = \"d\"\nvariants = {}\n[U]\ndoc = \"d\"\n[U.variants]\nunknown = { doc = \"d\" }\nx = { required = true, doc = \"d\" }\ny = { xml = \".\", doc = \"d\" }\n";
    assert_snapshot!(said(&[(tiny::TYPES, &format!("{}{more}", Tiny::text(tiny::TYPES)))]));
}

#[test]
fn refuses_a_shape_nobody_uses() {
    assert_snapshot!(said(&[(
        tiny::TYPES,
        &format!("{}[Lonely]\ndoc = \"d\"\n[Lonely.fields]\na = {{ doc = \"d\" }}\n", Tiny::text(tiny::TYPES))
    )]));
}

#[test]
fn refuses_a_shape_that_exists_twice() {
    assert_snapshot!(said(&[("model/types/again.toml", "[Pair]\ndoc = \"d\"\n[Pair.fields]\na = { doc = \"d\" }\n")]));
}

#[test]
fn refuses_a_struct_that_contains_itself_unless_through_a_list() {
    let through = |ty: &str, place: &str| {
        let pair = field("left", "doc = \"d\"") + &field("more", &format!("{place}type = \"{ty}\", doc = \"d\""));
        said(&[(tiny::TYPES, &shape("Pair", &pair))])
    };
    assert_snapshot!(through("Pair", ""));
    assert_eq!(through("List<Pair>", "xml = \"More[]\", "), "");
    let cycle = shape("Pair", &(field("left", "doc = \"d\"") + &field("other", "type = \"Other\", doc = \"d\"")))
        + "[Other]\ndoc = \"d\"\n[Other.fields]\npair = { type = \"Pair\", doc = \"d\" }\n";
    assert_snapshot!(said(&[(tiny::TYPES, &cycle)]));
}

#[test]
fn refuses_defaults_that_would_always_be_sent() {
    assert_snapshot!(said(&[(
        tiny::TYPES,
        &shape("Pair", &field("left", "type = \"bool\", default = true, doc = \"d\""))
    )]));
}

#[test]
fn refuses_an_encoding_no_operation_has() {
    assert_snapshot!(said(&[(
        tiny::TYPES,
        &shape("Pair", &field("left", "decoded_when = \"encoding_type\", doc = \"d\""))
    )]));
}

#[test]
fn reports_syntax_that_is_not_toml() {
    let broken = [
        "http = ",
        "http = \"GET /\"\nhttp = \"GET /\"\n",
        "[input\nx = 1",
        "a = 'x",
        "= 5\n== 6\n\"",
        "x = { header = \"x-a\", doc = }",
    ];
    let all: Vec<String> = broken.iter().map(|text| said(&[(tiny::OPERATION, text)])).collect();
    assert_snapshot!(all.join("\n"));
}

#[test]
fn reports_bytes_that_are_not_utf_8_and_files_nobody_reads() {
    let mut tiny = Tiny::default();
    tiny.put(tiny::OPERATION, b"http = \"PUT /\xff\"\n".to_vec());
    tiny.put("model/operation/x.toml", Vec::new());
    tiny.put("model/operations/Bad-Name.toml", Tiny::text(tiny::OPERATION).into_bytes());
    assert_snapshot!(tiny.mistakes());
}

#[test]
fn survives_nesting_without_end() {
    let deep = format!("http = {}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_snapshot!(said(&[(tiny::OPERATION, &deep)]).lines().next().unwrap());
    let tables = format!("{}{}", "x = { y = ".repeat(3_000), "1");
    assert!(said(&[(tiny::OPERATION, &tables)]).contains("this is not TOML"));
    let long = format!(
        "x = {{ query = \"x\", type = \"{}String{}\", doc = \"d\" }}",
        "List<".repeat(2_000),
        ">".repeat(2_000)
    );
    assert!(said(&[(tiny::OPERATION, &input(&long))]).contains("lists do not nest"));
}

#[test]
fn reports_five_mistakes_of_one_file_and_those_of_others_in_one_run() {
    let text = input("a = { header = \"x-a\", typ = \"i32\", doc = \"d\" }\nb = { doc = \"d\" }\nc = { query = \"c\", type = \"Strng\", doc = \"d\" }\nd = { query = \"d\" }")
        .replace("\"objects\"", "\"objets\"");
    let errors = Tiny::text(tiny::ERRORS).replace("\"no\"", "\"maybe\"");
    let said = said(&[(tiny::OPERATION, &text), (tiny::ERRORS, &errors)]);
    assert!(said.contains("6 mistakes, nothing was written"), "{said}");
    assert_snapshot!(said);
}

#[test]
fn checks_examples_against_the_fields_they_fill() {
    let cases = |text: &str| said(&[(tiny::CASES, text)]);
    let request = |input: &str| {
        format!("[[request]]\nclaim = \"sends\"\nline = \"PUT /b/k?tiny=\"\ninput = {{ bucket = \"b\", {input} }}\n")
    };
    let inputs = [
        "key = 5",
        "key = \"k\", colour = \"red\"",
        "key = \"k\", number = \"5\"",
        "key = \"k\", number = 5000000000",
        "key = \"k\", when = \"yesterday\"",
        "key = \"k\", when = 2013-05-24T00:00:00Z",
        "key = \"k\", secret = \"not base64\"",
        "key = \"k\", pair = { left = 1, rihgt = \"x\" }",
        "key = \"k\", pair = [1]",
        "color = \"red\"",
    ];
    let all: Vec<String> = inputs.iter().map(|input| cases(&request(input))).collect();
    assert_snapshot!(all.join("\n"));
    assert_snapshot!(cases(
        "[[request]]\nline = \"GET /b/k\"\n[[response]]\nclaim = \"a b\"\nstatus = 99\n[[response]]\nclaim = \"A-b\"\nheaders = { X-A = \"1\" }\noutput = { items = \"x\" }\n"
    ));
    assert_snapshot!(cases(""));
    assert_snapshot!(said(&[("model/cases/put_tinny.toml", &request("key = \"k\""))]));
}

#[test]
fn refuses_providers_that_are_not_whole() {
    let provider = |text: &str| said(&[("model/providers/some_store.toml", text)]);
    assert_snapshot!(provider(
        "name = \"Some Store\"\nendpoint = \"https://{acount}.example.com\"\naddressing = \"pat\"\nrequest_checksums = \"when_required\"\n\
         aws_chuncked = false\n[parameters]\naccount = \"The account.\"\nBad = \"d\"\n"
    ));
}
