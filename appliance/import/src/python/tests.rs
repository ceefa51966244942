use mistgate_core::base::secret::Secret;

use super::*;

fn text(text: &str) -> Form {
    Form::Text(Secret::new(text).into())
}

/// What `x` is in the end.
fn x(source: &str) -> Form {
    let module = parse(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    let value = module.assigned.get("x").unwrap_or_else(|| panic!("{source}: no x"));
    value.form.clone()
}

fn fault(source: &str) -> (u32, &'static str) {
    let error = parse(source).map(|module| format!("{module:?}"));
    error.map_err(|error| (error.line, error.what)).expect_err(source)
}

#[test]
fn texts_are_what_python_makes_of_them() {
    for (source, expected) in [
        (r#"x = "a'b""#, "a'b"),
        (r#"x = 'a"b'"#, "a\"b"),
        ("x = \"\"\"a\nb\"c\"\"\"", "a\nb\"c"),
        ("x = '''a\r\nb\rc'''", "a\nb\nc"),
        ("x = '''a\\\nb'''", "ab"),
        (r#"x = "\n\r\t\\\'\"\x41\u00e9""#, "\n\r\t\\'\"Aé"),
        (r#"x = "\d\x4142""#, "\\dA42"),
        (r#"x = r"\n\"""#, "\\n\\\""),
        ("x = r'a\\\r\nb'", "a\\\nb"),
        (r#"x = u'a' R'\b' "c""#, "a\\bc"),
        ("x = ('https://'\n  # in two parts\n  'example')", "https://example"),
        ("x = 'a' \\\n  'b'", "ab"),
        ("x = ''", ""),
        ("x = ''''''", ""),
        ("x = 'é漢'", "é漢"),
    ] {
        assert_eq!(x(source), text(expected), "{source}");
    }
    assert_eq!(x("x = f'{y}'"), Form::Unread(unread::FORMAT));
    assert_eq!(x("x = 'a' Rf'{y}'"), Form::Unread(unread::FORMAT));
    assert_eq!(x("x = b'a'"), Form::Unread(unread::FORMAT));
    for escape in [r"'\ud800'", r"'\N{DASH}'", r"'\x4'", r"'\x+4'", r"'\U0001F600'", r"'\0'"] {
        assert_eq!(x(&format!("x = {escape}")), Form::Unread(unread::ESCAPE), "{escape}");
    }
}

#[test]
fn numbers_are_whole_or_not_or_of_no_use() {
    for (source, expected) in [
        ("0", 0),
        ("00", 0),
        ("51_361", 51_361),
        ("-30", -30),
        ("+7", 7),
        ("9223372036854775807", i64::MAX),
    ] {
        assert_eq!(x(&format!("x = {source}")), Form::Integer(expected), "{source}");
    }
    for (source, expected) in [("1.5", 1.5), ("-.5", -0.5), ("1e3", 1e3), ("1.", 1.0)] {
        assert_eq!(x(&format!("x = {source}")), Form::Float(expected), "{source}");
    }
    let huge = "9".repeat(10_000);
    for source in ["0x1F", "0b1", "3j", "9223372036854775808", "1e999", &huge] {
        assert_eq!(x(&format!("x = {source}")), Form::Unread(unread::NUMBER), "{source}");
    }
}

#[test]
fn constants_and_brackets_nest() {
    assert_eq!(x("x=True"), Form::Bool(true));
    assert_eq!(x("x\t=\tNone # why"), Form::None);
    let one = |line| Value { line, form: Form::Integer(1) };
    assert_eq!(x("x = (1)"), Form::Integer(1));
    assert_eq!(x("x = ((1),)"), Form::List(vec![one(1)]));
    assert_eq!(x("x = ()"), Form::List(vec![]));
    assert_eq!(x("x = (1, 1)"), Form::List(vec![one(1), one(1)]));
    assert_eq!(x("x = [\n1,\r\n1,\r]"), Form::List(vec![one(2), one(3)]));
    assert_eq!(x("x = {1}"), Form::List(vec![one(1)]));
    assert_eq!(x("x = {}"), Form::Dict(vec![]));
    let Form::Dict(pairs) = x("x = {\n  'a': 1, # one\n  \"b\":\n 1}") else {
        panic!("no dict");
    };
    let keys: Vec<_> =
        pairs.iter().map(|(key, value)| (key.text(), key.line, value.line)).collect();
    assert_eq!(keys, [(Some("a"), 2, 2), (Some("b"), 3, 4)]);
}

#[test]
fn the_last_assignment_counts_and_names_stand_for_their_values() {
    let source = "a: str = 'v'\nx = {'k': a}\na = 2 ; b = 3\nb: int\n";
    let module = parse(source).expect("a module");
    let Some(Form::Dict(pairs)) = module.assigned.get("x").map(|value| value.form.clone()) else {
        panic!("no dict");
    };
    assert_eq!(pairs.first().and_then(|(_, value)| value.text()), Some("v"));
    assert!(module.used.contains("a"));
    assert_eq!(module.assigned.get("a").map(|a| a.form.clone()), Some(Form::Integer(2)));
    assert_eq!(module.assigned.get("b").map(|b| b.form.clone()), Some(Form::Integer(3)));
    assert!(module.passed_over.is_empty());
}

#[test]
fn nothing_is_run() {
    let Form::Call(arguments) = x("x = os . environ.get ('A', default = 'b')") else {
        panic!("no call");
    };
    assert_eq!(arguments.iter().map(Value::text).collect::<Vec<_>>(), [Some("A"), Some("b")]);
    assert!(matches!(x("x = os.environ['A']"), Form::Call(_)));
    for source in [
        "x = 1 + 1",
        "x = 'a' % b",
        "x = [y for y in z][0]",
        "x = lambda a: (a, 1)",
        "x = not y",
        "x = a if b else c",
        "x = f(1).g",
        "x = 1, 2",
        "x = *a, b",
        "x = ~1",
        "x = -'a'",
        "x = ...",
        "x = 'a'.join(\n[')'])",
        "x = y = 1",
        "x = 1+1",
        "x = 2.5E-1",
    ] {
        assert_eq!(x(source), Form::Unread(unread::EXPRESSION), "{source}");
    }
    assert_eq!(x("x = y"), Form::Unread(unread::NAME));
    assert_eq!(x("x = y.z"), Form::Unread(unread::NAME));
    assert_eq!(x("y = [1]\nx = y"), Form::Unread(unread::NAME));
    let Form::Dict(pairs) = x("x = {**y, 'a': z or 'b', f(): 1, 'c': [i for i in j]}") else {
        panic!("no dict");
    };
    assert_eq!(pairs.len(), 4);
}

#[test]
fn other_statements_are_passed_over_with_what_belongs_to_them() {
    let source = "\u{feff}'''About'''\n#!\nimport os; from a import (b,\nc)\nif x:\n    x = 1\n\
                  else:\n\tx = '''\ny = 2'''\n@d\ndef f():\n  return {\n}\nx += 1\nx['k'] = 2\n\
                  print('x = 1'); z = 2\nif y: x = 2; x = 4\n'a'.b()\nx = 3\n";
    let module = parse(source).expect("a module");
    assert_eq!(module.assigned.keys().collect::<Vec<_>>(), ["x", "z"]);
    assert_eq!(x(source), Form::Integer(3));
    assert_eq!(module.passed_over, [5, 10, 11, 14, 15, 16, 17, 18]);
    assert!(parse("").expect("nothing").assigned.is_empty());
    assert_eq!(x("x = 1"), Form::Integer(1));
    assert_eq!(x("x = 1\r\r\n\r\ny = 2"), Form::Integer(1));
}

#[test]
fn what_python_would_refuse_is_refused_where_it_is() {
    const SYNTAX: &str = "this is not Python";
    const UNCLOSED: &str = "this bracket is not closed";
    const UNENDED: &str = "this text has no end";
    for (source, line, expected) in [
        ("a = 1\nx = 'a\n'", 2, UNENDED),
        ("x = '''a\n", 1, UNENDED),
        ("x = '\\", 1, UNENDED),
        ("\nx = [\n(1,\n 2", 3, UNCLOSED),
        ("x = [1)", 1, SYNTAX),
        ("x = ", 1, SYNTAX),
        ("x = 1)\n", 1, SYNTAX),
        ("x = {'a': }", 1, SYNTAX),
        ("x = [,]", 1, SYNTAX),
        ("  x = 1", 1, SYNTAX),
        ("y = 1\n\tx = 1", 2, SYNTAX),
        ("}", 1, SYNTAX),
    ] {
        assert_eq!(fault(source), (line, expected), "{source}");
    }
}

#[test]
fn whatever_is_read_is_bounded() {
    const DEEP: (u32, &str) = (1, "more than 32 brackets in one another");
    let nested = |depth| format!("x = {}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(fault(&nested(DEPTH_MAX + 1)), DEEP);
    assert_eq!(fault(&format!("f{}", "(".repeat(100_000))), DEEP);
    assert_eq!(fault(&"x".repeat(TEXT_MAX + 1)), (1, "larger than 1MiB"));
    // Each name would stand for two of the one before it.
    let mut doubled = String::from("a0 = 'text'\n");
    for n in 1..64 {
        doubled.push_str(&format!("a{n} = [a{}, a{}]\n", n - 1, n - 1));
    }
    assert!(parse(&doubled).is_ok());
    assert_eq!(x(&format!("x = {}", "-".repeat(100_000))), Form::Unread(unread::EXPRESSION));
}
