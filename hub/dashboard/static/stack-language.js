// What the editor knows of the language of stacks: where the cursor stands, and what can come there.
var StackLanguage = (() => {
  "use strict";
  const { StreamLanguage, tags, yaml } = CodeMirror;

  // As the hub tells them apart: JSON5 begins with a bracket or a comment of its own.
  function isJson5(text) {
    return /^\s*(?:[[\]{}]|\/\/|\/\*|$)/.test(text.slice(0, 10_000));
  }

  // JSON5, by which CodeMirror colours and indents.
  const WORD = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/u;
  const NUMBER = /^[+-]?(?:0x[\da-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|Infinity|NaN)/i;
  function string(stream, state) {
    let escaped = false;
    for (let sign; (sign = stream.next()) !== undefined; ) {
      if (sign === state.quote && !escaped) {
        state.quote = null;
        return stream.match(/^\s*:/, false) ? "propertyName" : "string";
      }
      escaped = sign === "\\" && !escaped;
    }
    if (!escaped) state.quote = null; // only a backslash carries it to the next line
    return "string";
  }

  const json5 = StreamLanguage.define({
    name: "json5",
    startState: () => ({ quote: null, comment: false, open: null }),
    token(stream, state) {
      if (state.comment) {
        if (stream.skipTo("*/")) {
          stream.match("*/");
          state.comment = false;
        } else stream.skipToEnd();
        return "comment";
      }
      if (state.quote) return string(stream, state);
      if (stream.eatSpace()) return null;
      if (stream.match("//")) {
        stream.skipToEnd();
        return "comment";
      }
      if (stream.match("/*")) {
        state.comment = true;
        return "comment";
      }
      if (stream.match(NUMBER)) return "number";
      const word = stream.match(WORD);
      if (word) {
        if (stream.match(/^\s*:/, false)) return "propertyName";
        return /^(?:true|false|null|Infinity|NaN)$/.test(word[0]) ? "atom" : "invalid";
      }
      const sign = stream.next();
      if (sign === '"' || sign === "'") {
        state.quote = sign;
        return string(stream, state);
      }
      if ("{[".includes(sign)) state.open = { indent: stream.indentation(), around: state.open };
      if ("}]".includes(sign)) state.open = state.open?.around ?? null;
      return "{}[]".includes(sign) ? "bracket" : null;
    },
    indent(state, after, context) {
      if (state.quote || state.comment) return null;
      if (!state.open) return 0;
      return state.open.indent + (/^\s*[}\]]/.test(after) ? 0 : context.unit);
    },
    tokenTable: { propertyName: tags.propertyName, atom: tags.atom, invalid: tags.invalid },
    languageData: {
      commentTokens: { line: "//", block: { open: "/*", close: "*/" } },
      closeBrackets: { brackets: ["{", "[", '"', "'"] },
      indentOnInput: /^\s*[}\]]$/,
    },
  });

  // Where a place stands: the frames around it, each a map with what its keys hold or a list,
  // and whether a key or a value is written there. Both notations give the same shape.
  function placeIn(text, at) {
    return isJson5(text) ? placeInJson5(text, at) : placeInYaml(text, at);
  }

  const TOKEN = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?|[{}[\],:]|[^\s{}[\],:"'/]+|\//g;
  function placeInJson5(text, at) {
    let frames = [];
    let found = null;
    const seen = (from, quote) => {
      const top = frames.at(-1);
      const isKey = top?.kind === "map" && top.key === null;
      found ??= { frames: frames.map((each) => ({ ...each })), isKey, from, quote };
    };
    for (const match of text.matchAll(TOKEN)) {
      const [token] = match;
      const end = match.index + token.length;
      const top = frames.at(-1);
      if (match.index >= at) seen(at, null);
      if (token.startsWith("//") || token.startsWith("/*")) {
        if (at > match.index && at < end) return null;
        continue;
      }
      const quote = /^["']/.test(token) ? token[0] : null;
      if (quote || /^[^{}[\],:]/.test(token)) {
        const isOpen = quote && (token.length === 1 || !token.endsWith(quote));
        if (at > match.index && (at < end || (at === end && (!quote || isOpen))))
          seen(match.index + (quote ? 1 : 0), quote);
        const value = quote ? token.slice(1, isOpen ? undefined : -1) : token;
        if (top?.kind === "map" && top.key !== null) top.values[top.key] = value;
        else if (top) top.word = value;
      } else if (token === "{" || token === "[") {
        frames.push({ kind: token === "{" ? "map" : "list", key: null, word: null, values: {} });
      } else if (token === "}" || token === "]") {
        frames = frames.slice(0, -1);
      } else if (token === ":" && top?.kind === "map") {
        top.key = top.word;
      } else if (token === "," && top) {
        top.key = top.word = null;
      }
    }
    seen(at, null);
    return found;
  }

  const LINE = /^(\s*)((?:-\s+)*)(?:(["']?)([^\s"'#{}[\],&*!|>%@`:-][^"'#{}[\],]*?)\3\s*:(?:\s+(.*))?$)?/;
  const BEFORE = /^(\s*)((?:-\s+)*)(?:(["']?)([\w$.-]+)\3\s*:\s+(["']?)([\w$./-]*)|(["']?)([\w$.-]*))$/;
  function placeInYaml(text, at) {
    let frames = [];
    let found = null;
    // the map, or with isItem the list, at a depth; what is deeper has ended
    const enter = (depth, kind, isItem) => {
      while (frames.length && frames.at(-1).depth > depth) frames.pop();
      if (kind === "map" && frames.at(-1)?.kind === "list" && frames.at(-1).depth === depth && !isItem)
        frames.pop();
      const top = frames.at(-1);
      if (top?.depth === depth && top.kind === kind) return top;
      const made = { kind, depth, key: null, values: {} };
      frames.push(made);
      return made;
    };
    const inside = (spaces, dashes) => {
      let depth = spaces.length;
      let isItem = false;
      for (const dash of dashes.match(/-\s+/g) ?? []) {
        enter(depth, "list", true);
        depth += dash.length;
        isItem = true;
      }
      if (isItem) while (frames.at(-1).depth >= depth) frames.pop();
      return enter(depth, "map", isItem);
    };
    let start = 0;
    for (const line of text.split("\n")) {
      const here = found === null && at >= start && at <= start + line.length;
      if (/^(?:---|\.\.\.)(?:\s|$)/.test(line)) frames = [];
      else if (here) {
        const before = BEFORE.exec(line.slice(0, at - start));
        if (!before) return null;
        const [, spaces, dashes, , key, , value, , word] = before;
        const map = inside(spaces, dashes);
        const from = at - (value ?? word).length;
        const isKey = key === undefined;
        if (!isKey) map.key = key;
        else if (map.key !== null) map.key = null;
        found = { frames: [...frames], keys: frames.map((each) => each.key), isKey, from, quote: null };
      }
      const [, spaces, dashes, , key, value] = LINE.exec(line);
      if (key !== undefined && line.trim()) {
        const map = inside(spaces, dashes);
        map.key = key;
        map.values[key] = (value ?? "").replace(/^(["'])(.*)\1$/, "$2").trim();
      }
      start += line.length + 1;
    }
    if (found) found.frames = found.frames.map((each, n) => ({ ...each, key: found.keys[n] }));
    return found;
  }

  // Schemas that what stands in a frame may follow.
  function expanded(schema, values, whole, depth = 0) {
    if (!schema || depth > 12) return [];
    const more = (each) => expanded(each, values, whole, depth + 1);
    const found = [schema];
    if (schema.$ref) found.push(...more(whole.$defs[schema.$ref.split("/").at(-1)]));
    for (const each of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]) {
      if (!each.if) found.push(...more(each));
      else if (each.if.properties.function.const === canonical(values?.function)) found.push(...more(each.then));
    }
    return found;
  }

  function canonical(name) {
    return String(name ?? "").trim().toLowerCase().replace(/[\s-]+/g, "_");
  }

  function schemasAt(frames, whole) {
    let schemas = [whole];
    frames.forEach((frame, n) => {
      schemas = schemas.flatMap((each) => expanded(each, frame.values, whole));
      if (n === frames.length - 1) return;
      schemas = schemas.flatMap((each) => within(each, frame));
    });
    return schemas;
  }

  function within(schema, frame) {
    if (frame.kind === "list") return schema.items ? [schema.items] : [];
    const own = schema.properties?.[frame.key];
    if (own) return [own];
    return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
  }

  // What can be written at a place.
  const NAMES = {
    task: "tasks",
    background_task: "tasks",
    destination: "destinations",
    source: "sources",
    channel: "channels",
    table: "tables",
  };
  const AROUND = ["input", "event", "request", "auth", "run", "env", "error", "loop_item", "loop_index"];

  function plain(text) {
    return (text ?? "").replaceAll("``", "`").replace(/\s+/g, " ");
  }

  function keys(schemas, frame) {
    const found = new Map();
    for (const schema of schemas)
      for (const [name, each] of Object.entries(schema.properties ?? {}))
        if (!found.has(name) && !(name in frame.values))
          found.set(name, {
            label: name,
            type: "property",
            info: plain(each.description) || undefined,
            boost: schema.required?.includes(name) ? 1 : 0,
          });
    return [...found.values()];
  }

  function values(schemas, frame, language) {
    const { key } = frame;
    const found = [];
    for (const schema of schemas.flatMap((each) => within(each, frame)).flatMap((each) => expanded(each, {}, language.schema))) {
      if (schema.type === "boolean") found.push("true", "false");
      if (schema.const !== undefined) found.push(String(schema.const));
      found.push(...(schema.enum ?? []).map(String));
    }
    if (key === "function") return steps(found, language);
    found.push(...(language.names[NAMES[key]] ?? []));
    return [...new Set(found)].map((label) => ({ label, type: "constant" }));
  }

  function steps(names, language) {
    const about = new Map();
    for (const each of Object.values(language.schema.$defs)) {
      const name = each.properties?.function?.const;
      if (name) about.set(name, plain(each.description));
    }
    const known = [...new Set(names)].map((label) => ({ label, type: "function", info: about.get(label) }));
    return [...known, ...language.names.tasks.map((label) => ({ label, type: "class", detail: "task" }))];
  }

  function expression(text, at, word, language) {
    const functions = language.functions.map((each) => ({
      label: each.name,
      type: "function",
      detail: each.signature.slice(each.name.length),
      info: plain(each.summary),
      apply: `${each.name}(`,
    }));
    const before = text.slice(Math.max(0, at - 200), at);
    const from = at - word.length;
    if (/\benv\.\w*$/.test(before))
      return { from, options: language.names.variables.map((label) => ({ label, type: "variable" })) };
    if (/\.\s*\w*$/.test(before)) return null; // a field: nobody knows its names
    const made = [...text.matchAll(/\b(?:as|name)["']?\s*:\s*["']?([A-Za-z_]\w*)/g)].map((each) => each[1]);
    const names = [...new Set([...AROUND, ...made])].map((label) => ({ label, type: "variable", boost: 1 }));
    return { from, options: [...names, ...functions], validFor: /^\w*$/ };
  }

  function completion(language) {
    return async (context) => {
      const text = context.state.doc.toString();
      const at = context.pos;
      const line = context.state.doc.lineAt(at);
      const before = text.slice(line.from, at);
      const open = before.lastIndexOf("{{");
      const word = /\w*$/.exec(before)[0];
      const known = await language();
      if (known === null) return null;
      if (open >= 0 && open >= before.lastIndexOf("}}"))
        return word || context.explicit ? expression(text, at, word, known) : null;
      const place = placeIn(text, at);
      if (!place || (!context.explicit && place.from === at && !place.quote)) return null;
      const frame = place.frames.at(-1) ?? { kind: "map", key: null, values: {} };
      const schemas = schemasAt(place.frames.length ? place.frames : [frame], known.schema);
      if (frame.kind === "list") return null;
      const options = place.isKey ? keys(schemas, frame) : values(schemas, frame, known);
      const ready = dressed(options, text, at, place);
      return { from: place.from, options: ready, validFor: /^[\w$./-]*$/ };
    };
  }

  // With the colon behind a key and the quotes around a value, where they are not there yet.
  function dressed(options, text, at, place) {
    const follows = text.slice(at, at + 50);
    const bare = !place.quote && isJson5(text);
    return options.map((each) => {
      let apply = each.label;
      if (place.isKey) apply += place.quote || /^\s*:/.test(follows.replace(/^[\w$]*/, "")) ? "" : ": ";
      else if (bare && !/^(?:true|false|null|-?\d+(?:\.\d+)?)$/.test(apply)) apply = `"${apply}"`;
      return { ...each, apply };
    });
  }

  return { isJson5, json5, yaml, placeIn, completion };
})();
