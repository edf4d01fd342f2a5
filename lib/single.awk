# SPDX-License-Identifier: MIT
# single.awk -- the one-file form: every .c file of the library in one text that a plain `cc -O2 -c mim.c` compiles.
#
#     awk -f lib/single.awk lib/sources.txt > mim.c            from the top of the tree; mim.h goes beside it
#
# Headers with an include guard stand once, before the first file that needs them; texts without one (x_tmpl.h, vec_x.h)
# stand at each place. What one .c file names at file scope is its own: where the name (or a struct, union or enum tag)
# is taken elsewhere too, it gets the file's name in front, in that file. So do names of two headers that no file
# includes together. Macros end with their .c file. Nothing here compiles C: it splits lines into tokens and follows
# braces, which is enough for code in the house style.

BEGIN {
    WORDS = "static const volatile extern inline void char short int long float double signed unsigned bool _Bool " \
            "restrict register auto typedef _Noreturn _Atomic _Thread_local"
    split(WORDS, list, " ")
    for (i in list) keyword[list[i]] = 1
    # Names of libc that some system headers declare, in case a file that does not include those uses them itself.
    n = split("index rindex gamma y0 y1 yn j0 j1 jn drem significand scalb read write open close pipe link sync time " \
              "clock remove rename select send accept bind connect wait div abs round floor ceil log exp pow sqrt " \
              "truncate raise signal signbit step tee splice dup nice pause access stat fork environ " \
              "sincos exp10 pow10 major minor random daemon basename dirname", list, " ")
    for (i = 1; i <= n; i++) claim("libc", list[i], "ordinary")
}

/^[a-z].*\.c$/ { sources[++source_count] = "lib/" $0 }

END {
    for (f = 1; f <= source_count; f++) { name_after(sources[f]); gather(sources[f], sources[f]) }
    for (h = 1; h <= header_count; h++) parse(headers[h])
    for (f = 1; f <= source_count; f++) parse(sources[f])
    if (failed) exit 1
    top()
    for (f = 1; f <= source_count; f++) {
        for (h = 1; h <= header_count; h++)
            if (first_use[headers[h]] == sources[f]) print_text(headers[h])
        print_text(sources[f])
        for (i = 1; i <= macro_count[sources[f]]; i++) print "#undef " macros[sources[f], i]
    }
    bottom()
}

function name_after(path) {
    prefix[path] = path
    gsub(/^lib\/|\.[ch]$/, "", prefix[path])
    gsub(/\//, "_", prefix[path])
}

function die(message) { print "single.awk: " message > "/dev/stderr"; failed = 1 }

# ---- Reading: includes ----

function read_lines(path,   line, n) {
    if (path in loaded) return
    n = 0
    while ((getline line < path) > 0) lines[path, ++n] = line
    close(path)
    if (n == 0) die("cannot read " path)
    loaded[path] = n
}

# A guard is an #ifndef that is the first thing but comments.
function guarded(path,   i, line, inside) {
    read_lines(path)
    for (i = 1; i <= loaded[path]; i++) {
        line = lines[path, i]
        if (inside) { if (line ~ /\*\//) inside = 0; continue }
        if (line ~ /^[ \t]*\/\*/) { inside = line !~ /\*\//; continue }
        if (line ~ /^[ \t]*(\/\/.*)?$/) continue
        return line ~ /^#[ \t]*ifndef/
    }
    return 0
}

function included(line) { sub(/^[ \t]*#[ \t]*include[ \t]*"/, "", line); sub(/".*/, "", line); return line }

# Adds the lines of path to the text of unit; unit is a .c file or a guarded header, source the .c file it is for.
function gather(path, unit, source,   i, line, other) {
    read_lines(path)
    if (source == "") source = unit
    for (i = 1; i <= loaded[path]; i++) {
        line = lines[path, i]
        if (line ~ /^[ \t]*#[ \t]*define[ \t]+_[A-Z0-9_]*(SOURCE|BITS)([ \t]|$)/) { feature(line); continue }
        if (line !~ /^[ \t]*#[ \t]*include[ \t]*"/) { text[unit, ++length_of[unit]] = line; continue }
        other = included(line)
        if (other == "mim.h") continue
        other = "lib/" other
        if (!guarded(other)) { gather(other, unit, source); continue }
        note(source, other)
        if (unit != source) note(unit, other)
        if (other in first_use) continue
        first_use[other] = source
        name_after(other)
        gather(other, other, source)
        headers[++header_count] = other                          # after the headers that it needs
    }
}

# unit includes this header, and so those that it includes.
function note(unit, header,   i, other) {
    if ((unit, header) in needs) return
    needs[unit, header] = 1
    read_lines(header)
    for (i = 1; i <= loaded[header]; i++) {
        if (lines[header, i] !~ /^[ \t]*#[ \t]*include[ \t]*"/) continue
        other = included(lines[header, i])
        if (other != "mim.h") note(unit, "lib/" other)
    }
}

# What the system headers are asked for must be said before the first of them.
function feature(line,   part) {
    split(line, part, /[ \t]+/)
    if (!(part[2] in features)) feature_names[++feature_count] = part[2]
    if (features[part[2]] < part[3]) features[part[2]] = part[3]
}

# ---- Tokens ----

# Splits a line into token[1..count] of kind "i"dentifier, "s"tring, "c"omment, "w"hite, "n"umber or "p"unctuation.
# in_comment carries over from line to line.
function split_line(s,   n, rest) {
    count = 0
    while (s != "") {
        if (in_comment) {
            n = index(s, "*/")
            if (n) in_comment = 0
            n = n ? n + 1 : length(s)
            kind[++count] = "c"
        } else if (match(s, /^[A-Za-z_][A-Za-z0-9_]*/)) {
            n = RLENGTH; kind[++count] = "i"
        } else if (match(s, /^[ \t]+/)) {
            n = RLENGTH; kind[++count] = "w"
        } else if (match(s, /^\.?[0-9]([eEpP][+-]|[A-Za-z0-9_.])*/)) {
            n = RLENGTH; kind[++count] = "n"
        } else if (match(s, /^"([^"\\]|\\.)*"/) || match(s, /^'([^'\\]|\\.)*'/)) {
            n = RLENGTH; kind[++count] = "s"
        } else if (substr(s, 1, 2) == "//") {
            n = length(s); kind[++count] = "c"
        } else if (substr(s, 1, 2) == "/*") {
            rest = index(substr(s, 3), "*/")
            in_comment = !rest
            n = rest ? rest + 3 : length(s)
            kind[++count] = "c"
        } else {
            n = substr(s, 1, 2) == "->" ? 2 : 1; kind[++count] = "p"
        }
        token[count] = substr(s, 1, n)
        s = substr(s, n + 1)
    }
}

# Directives, with the lines they continue on.
function is_directive(line,   was) {
    was = continued
    continued = 0
    if (was || (!in_comment && line ~ /^[ \t]*#/)) { continued = line ~ /\\$/; return 1 }
    return 0
}

# ---- Names at file scope ----

function claim(unit, name, space) {
    if ((space, name, unit) in owned) return
    owned[space, name, unit] = 1
    owners[space, name]++
    if (unit !~ /\.h$/ || header_macro[name] == unit) return       # two headers may define a macro alike
    homes[space, name] = homes[space, name] " " unit
    home_count[space, name]++
}

function is_macro_here(name) {
    return name in header_macro && (unit_now ~ /\.h$/ || (unit_now, header_macro[name]) in needs)
}

function own(name) {
    if (name == "" || name in keyword || name ~ /^mim_/ || is_macro_here(name)) return
    claim(unit_now, name, "ordinary")
    if (is_typedef) is_type[unit_now, name] = 1
}

function define(line,   name) {
    if (line !~ /^[ \t]*#[ \t]*define[ \t]/) return
    name = line
    sub(/^[ \t]*#[ \t]*define[ \t]+/, "", name)
    sub(/[^A-Za-z0-9_].*/, "", name)
    if (unit_now ~ /\.h$/) { header_macro[name] = unit_now; claim(unit_now, name, "ordinary") }
    else if (!((unit_now, name) in macro_of)) { macro_of[unit_now, name] = 1; macros[unit_now, ++macro_count[unit_now]] = name }
}

function parse(unit,   i, j) {
    unit_now = unit
    in_comment = continued = 0
    depth = par = body = 0
    new_declaration()
    for (i = 1; i <= length_of[unit]; i++) {
        if (is_directive(text[unit, i])) { define(text[unit, i]); split_line(text[unit, i]); continue }
        split_line(text[unit, i])
        for (j = 1; j <= count; j++) {
            if (kind[j] != "w" && kind[j] != "c") follow(token[j], kind[j])
            if (kind[j] == "i" && token[j] ~ /^mim__/ && !(token[j] in is_private)) {
                is_private[token[j]] = 1
                private[++private_count] = token[j]
            }
        }
    }
    if (depth) die(unit ": braces do not balance")
}

function new_declaration() {
    candidate = pending = before = tag_word = ""
    settled = is_typedef = initial = pointer = after_function = 0
}

# One token more. depth counts braces; scope[d] says what the brace at depth d opened: "f"unction, "s"truct, "e"num,
# "i"nitializer.
function follow(t, k) {
    if (depth && scope[depth] == "f") { if (t == "{") open("f"); else if (t == "}") shut(); return }
    if (after_open) parameters(t)
    if (t == "{") { open_brace(); before = t; return }
    if (t == "}") { shut(); before = "}"; return }
    if (depth && scope[depth] == "e") {
        if (k == "i" && (before == "{" || before == ",") && !par) own(t)
        if (t == "(") par++
        if (t == ")") par--
        before = t
        return
    }
    if (k == "i" && (t == "struct" || t == "union" || t == "enum")) { tag_word = t; tag = ""; before = t; return }
    if (k == "i" && tag_word == before && tag_word != "") {
        tag = before = t
        if (unit_now ~ /\.h$/) mentions[t] = mentions[t] " " unit_now
        return
    }
    if (!depth) at_file_scope(t, k)
    before = t
}

function open(what) { scope[++depth] = what }
function shut() {
    if (!depth) { die(unit_now ": a brace too many"); return }
    depth--
    if (!depth && scope[1] == "f") new_declaration()
}

function open_brace() {
    if (before == "=" || (depth && scope[depth] == "i")) { open("i"); return }
    if (before == "struct" || before == "union" || before == "enum" || (tag != "" && before == tag)) {
        if (tag != "" && before == tag) claim(home_of(tag), tag, "tag")
        open(tag_word == "enum" ? "e" : "s")
        if (!settled) candidate = ""
        tag = ""
        return
    }
    if (!depth) own_pending()
    open(depth ? "s" : "f")
}

# A struct that a header of this file speaks of is that header's, wherever it is defined.
function home_of(tag,   i, n, list) {
    n = split(mentions[tag], list, " ")
    for (i = 1; i <= n; i++)
        if (unit_now ~ /\.c$/ && (unit_now, list[i]) in needs) return list[i]
    return unit_now
}

function own_pending() { if (!settled && candidate != "") own(candidate); settled = 1 }

function at_file_scope(t, k) {
    if (after_function && k == "i" && t !~ /^__attribute__$|^_/ && !par) new_declaration()     # a macro that took arguments
    if (k == "i" && t == "typedef") is_typedef = 1
    if (t == "(") {
        par++
        if (par == 1) { pending = candidate; after_open = 1; return }
    } else if (t == ")") {
        par--
        if (!par) { if (pointer) { own(candidate); settled = 1; pointer = 0 } else if (!initial) after_function = 1 }
    } else if (t == "[" && !par && !settled && !initial) {
        own_pending()
    } else if (t == "=" && !par) {
        own_pending(); initial = 1
    } else if (t == ";" && !par) {
        own_pending(); new_declaration()
    } else if (t == "," && !par) {
        own_pending(); settled = initial = 0; candidate = ""
    } else if (k == "i" && !initial) {
        if (!settled && (!par || pointer) && t != "__attribute__") candidate = t
    }
}

# The token after the first parenthesis: (*name) declares a pointer, anything else makes what stood before it a function.
function parameters(t) {
    after_open = 0
    if (settled || pending ~ /^__attribute__$|^_[A-Z]/) return
    if (t == "*") { pointer = 1; return }
    own(pending)
    settled = 1
}

# ---- Writing ----

# What stands in front of a name in unit: nothing, or the file that it belongs to if others have the name too. Between a
# header and .c files the header keeps it; of two headers that are never included together neither does.
function front(unit, name, space,   i, n, list) {
    if (((space, name, unit) in owned) && unit ~ /\.c$/ && owners[space, name] > 1) return prefix[unit] "_"
    if (home_count[space, name] < 2) return ""
    n = split(homes[space, name], list, " ")
    for (i = 1; i <= n; i++)
        if (unit == list[i] || (unit, list[i]) in needs) return prefix[list[i]] "_"
    return ""
}

# What name is called in unit, after the token `before`.
function renamed(unit, name) {
    if (before == "." || before == "->" || in_member) return name
    if (before == "struct" || before == "union" || before == "enum")
        return front(unit, name, "tag") name
    if (depth && scope[depth] == "s" && !bracket && !((unit, name) in is_type)) return name
    return front(unit, name, "ordinary") name
}

# Braces of structs matter (members keep their names), and the second argument of offsetof is a member too.
function follow_written(t, k) {
    if (t == "{") {
        open(before == "struct" || before == "union" || ((before2 == "struct" || before2 == "union") && before != ")") ? "s" : "b")
    } else if (t == "}") { if (depth) depth-- }
    else if (t == "[") bracket++
    else if (t == "]") bracket--
    else if (t == "(") { par++; if (before == "offsetof") member_par = par }
    else if (t == ")") { if (par == member_par) member_par = in_member = 0; par-- }
    else if (t == "," && member_par && par == member_par) in_member = 1
    before2 = before
    before = t
}

function print_text(unit,   i, j, out, directive) {
    print "\n/* ==== " unit " ==== */"
    in_comment = continued = depth = par = bracket = member_par = in_member = 0
    before = before2 = ""
    for (i = 1; i <= length_of[unit]; i++) {
        directive = is_directive(text[unit, i])
        if (text[unit, i] ~ /^[ \t]*#[ \t]*(include|undef)/) { print text[unit, i]; continue }
        split_line(text[unit, i])
        out = ""
        for (j = 1; j <= count; j++) {
            out = out (kind[j] == "i" ? renamed(unit, token[j]) : token[j])
            if (kind[j] != "w" && kind[j] != "c") { if (directive) before = token[j]; else follow_written(token[j], kind[j]) }
        }
        print out
    }
}

function top(   i, line, version) {
    while ((getline line < "include/mim.h") > 0)
        if (line ~ /define MIM_VERSION_(MAJOR|MINOR|PATCH) /) { sub(/.* /, "", line); version = version (version == "" ? "" : ".") line }
    close("include/mim.h")
    print "/* SPDX-License-Identifier: MIT */"
    print "/* mim.c -- libmim " version " in one file, written by `make single` from the files named below; mim.h belongs beside it."
    print " *"
    print " *     cc -O2 -c mim.c          then link with -lm -pthread"
    print " *"
    print " * MIM_API may be defined as static where this file is included by another, before any header"
    print " * of the system: it asks these for POSIX. Names that begin with mim__ stay global; beside another"
    print " * copy of the library define MIM_PRIVATE, a prefix of your own that these then have. */"
    for (i = 1; i <= feature_count; i++)
        print "#ifndef " feature_names[i] "\n#define " feature_names[i] " " features[feature_names[i]] "\n#endif"
    print "#ifndef MIM_BUILD\n#define MIM_BUILD\n#endif"
    print "#if defined(__GNUC__)"
    print "#pragma GCC diagnostic push"
    print "#pragma GCC diagnostic ignored \"-Wunused-function\""
    print "#if !defined(__clang__)\n#pragma GCC push_options\n#endif"
    print "#endif"
    print "#ifdef MIM_PRIVATE\n#define MIM__JOINED(a, b) a##b\n#define MIM__JOIN(a, b) MIM__JOINED(a, b)"
    for (i = 1; i <= private_count; i++) print "#define " private[i] " MIM__JOIN(MIM_PRIVATE, _" private[i] ")"
    print "#endif"
    print "#include \"mim.h\""
}

function bottom() {
    print "\n#if defined(__GNUC__)\n#pragma GCC diagnostic pop\n#endif"
    print "#if defined(__clang__)\n#pragma STDC FP_CONTRACT DEFAULT\n#elif defined(__GNUC__)\n#pragma GCC pop_options\n#endif"
}
