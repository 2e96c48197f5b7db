// The editor of a stack. The text area stays what the form sends; without script it is the editor.
(() => {
  "use strict";
  const { Compartment, Decoration, EditorState, EditorView, HighlightStyle } = CodeMirror;
  const { MatchDecorator, ViewPlugin, keymap, syntaxHighlighting, tags } = CodeMirror;
  const CHECK_AFTER_MS = 400;

  const form = document.getElementById("stack");
  const area = document.getElementById("text");
  let saved = area.value;

  // Colours are the page's own variables, so that light and dark are one theme.
  const theme = EditorView.theme({
    "&": { height: "100%", fontSize: "0.85rem", color: "var(--text)", backgroundColor: "var(--card)" },
    "&.cm-focused": { outline: "none" }, // what is around it shows the focus
    ".cm-scroller": { fontFamily: "ui-monospace, monospace", lineHeight: "1.5" },
    ".cm-content": { caretColor: "var(--text)" },
    ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
    ".cm-gutters": { backgroundColor: "var(--back)", color: "var(--quiet)", borderColor: "var(--line)" },
    ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--hover) 60%, transparent)" },
    ".cm-activeLineGutter": { backgroundColor: "var(--hover)", color: "var(--text)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
      background: "color-mix(in srgb, var(--accent) 30%, transparent)",
    },
    ".cm-selectionMatch": { backgroundColor: "color-mix(in srgb, var(--wait) 25%, transparent)" },
    ".cm-foldPlaceholder, .cm-panels, .cm-tooltip": {
      backgroundColor: "var(--card)",
      color: "var(--text)",
      border: "1px solid var(--line)",
    },
    ".cm-panels input, .cm-panels button": {
      backgroundColor: "var(--back)",
      backgroundImage: "none",
      color: "var(--text)",
      border: "1px solid var(--quiet)",
    },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
      backgroundColor: "var(--accent)",
      color: "var(--on-accent)",
    },
    ".cm-completionInfo": { maxWidth: "22rem" },
    ".cm-diagnostic": { fontFamily: "system-ui, sans-serif" },
    ".cm-expression": { backgroundColor: "color-mix(in srgb, var(--accent) 12%, transparent)", borderRadius: "3px" },
  });

  const colours = HighlightStyle.define([
    { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
    { tag: [tags.string, tags.content], color: "var(--good)" },
    { tag: [tags.number, tags.atom, tags.bool, tags.null, tags.keyword], color: "var(--wait)" },
    { tag: [tags.comment, tags.meta], color: "var(--quiet)", fontStyle: "italic" },
    { tag: tags.invalid, color: "var(--bad)" },
  ]);

  const expressions = new MatchDecorator({
    regexp: /\{\{.*?\}\}/g,
    decoration: Decoration.mark({ class: "cm-expression" }),
  });
  const marked = ViewPlugin.define(
    (view) => ({
      decorations: expressions.createDeco(view),
      update(update) {
        this.decorations = expressions.updateDeco(update, this.decorations);
      },
    }),
    { decorations: (plugin) => plugin.decorations },
  );

  let known;
  function language() {
    known ??= fetch(form.dataset.language)
      .then((answer) => (answer.ok ? answer.json() : null))
      .catch(() => null);
    return known;
  }

  const notation = new Compartment();
  const complete = StackLanguage.completion(language);
  let isJson5 = StackLanguage.isJson5(saved);
  function inNotation() {
    const support = isJson5 ? StackLanguage.json5 : StackLanguage.yaml();
    const { language: inner = support } = support;
    return [support, inner.data.of({ autocomplete: complete })];
  }

  // Inside a shadow root CodeMirror takes constructed style sheets, which the page's policy allows.
  const host = document.createElement("div");
  host.className = "editor";
  area.after(host);
  area.hidden = true;
  const view = new EditorView({
    parent: host.attachShadow({ mode: "open" }),
    root: host.shadowRoot,
    state: EditorState.create({
      doc: saved,
      extensions: [
        keymap.of([{ key: "Mod-s", run: save, preventDefault: true }, CodeMirror.indentWithTab]),
        CodeMirror.basicSetup,
        CodeMirror.lintGutter(),
        EditorState.readOnly.of(area.readOnly),
        EditorView.contentAttributes.of({
          "aria-label": "Text of the stack. Escape, then Tab, leaves it.",
          spellcheck: "false",
          tabindex: "0",
        }),
        EditorView.updateListener.of(changed),
        theme,
        syntaxHighlighting(colours),
        marked,
        notation.of(inNotation()),
      ],
    }),
  });
  document.querySelector("label[for=text]").addEventListener("click", () => view.focus());
  for (const each of document.querySelectorAll(".keys")) each.hidden = false;
  for (const each of document.querySelectorAll(".without-script")) each.hidden = true;

  function save() {
    const button = form.querySelector("[data-save]");
    button?.click();
    return true;
  }

  let waiting;
  function changed(update) {
    if (!update.docChanged) return;
    area.value = update.state.doc.toString();
    clearTimeout(waiting);
    waiting = setTimeout(() => htmx.trigger("#check", "check"), CHECK_AFTER_MS);
    if (StackLanguage.isJson5(area.value) === isJson5) return;
    isJson5 = !isJson5;
    setTimeout(() => view.dispatch({ effects: notation.reconfigure(inNotation()) }));
  }

  // What the hub finds wrong is shown at its place, too.
  function mark() {
    const { doc } = view.state;
    const places = document.querySelectorAll("#found li[data-line]");
    const diagnostics = [...places].map((each) => {
      const from = offsetOf(doc, each.dataset);
      const rest = doc.sliceString(from, doc.lineAt(from).to);
      const length = /^(?:"[^"]*"|'[^']*'|[\w$]+|.)?/.exec(rest)[0].length;
      const message = each.querySelector("[data-message]").textContent.trim();
      return { from, to: from + length, severity: each.dataset.severity, message };
    });
    view.dispatch(CodeMirror.setDiagnostics(view.state, diagnostics));
  }

  function offsetOf(doc, { line, column }) {
    const found = doc.line(Math.min(Math.max(1, Number(line)), doc.lines));
    return Math.min(found.from + Math.max(0, Number(column) - 1), found.to);
  }

  // The tasks of the text can be tried; what was chosen stays chosen.
  function offerTasks() {
    const choice = document.getElementById("task");
    const names = JSON.parse(document.getElementById("found").dataset.tasks);
    if (!names.length) return;
    const chosen = choice.value;
    const bySchedule = choice.querySelector("option[value='']");
    const options = names.map((name) => new Option(name.slice(name.indexOf("/") + 1), name));
    choice.replaceChildren(...options, bySchedule);
    choice.value = [...choice.options].some((each) => each.value === chosen) ? chosen : names[0];
  }

  function showFound() {
    mark();
    offerTasks();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-jump]");
    if (!link) return;
    event.preventDefault();
    const at = offsetOf(view.state.doc, link.closest("li").dataset);
    view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    view.focus();
  });

  // Whoever leaves with a text that is not saved is asked.
  let sent = saved;
  form.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt === form) sent = area.value;
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    const { elt, xhr } = event.detail;
    const isKept = xhr.status === 200 && !xhr.getResponseHeader("hx-redirect");
    if (elt === form && isKept) saved = sent;
  });
  window.addEventListener("beforeunload", (event) => {
    if (form.querySelector("[data-save]") && area.value !== saved) event.preventDefault();
  });

  document.addEventListener("htmx:afterSettle", showFound);
  showFound();
})();
