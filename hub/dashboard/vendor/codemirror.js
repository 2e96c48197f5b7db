// What the bundle gives to the pages' own scripts, as window.CodeMirror.
export { basicSetup } from "codemirror";
export { Compartment, EditorState } from "@codemirror/state";
export { Decoration, EditorView, MatchDecorator, ViewPlugin, keymap } from "@codemirror/view";
export { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
export { indentWithTab } from "@codemirror/commands";
export { setDiagnostics, lintGutter } from "@codemirror/lint";
export { yaml } from "@codemirror/lang-yaml";
export { tags } from "@lezer/highlight";
