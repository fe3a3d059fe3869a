/** The style of a report's page. */
export const style = `
:root {
  color-scheme: light dark;
  --ink: #1f2328; --quiet: #656d76; --grid: #e6e8eb; --paper: #ffffff; --panel: #f6f8fa;
  --new: #0a5c36; --new-paper: #d7f5e3; --gone: #8a3a00; --gone-paper: #ffe7d1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3; --quiet: #9aa4af; --grid: #2d333b; --paper: #0d1117; --panel: #161b22;
    --new: #9ff0c0; --new-paper: #0f3d27; --gone: #ffc999; --gone-paper: #4d2b10;
  }
}
body { max-width: 68rem; margin: 2rem auto; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1, h2, h3, h4 { line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--grid); padding-bottom: 0.3rem; }
h4 { margin: 0 0 0.3rem; font-weight: 600; color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1rem 0; }
svg { width: 100%; height: auto; }
.quiet { color: var(--quiet); font-size: 0.9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid); }
thead th { white-space: normal; vertical-align: bottom; }
tbody th, .words { text-align: left; font-weight: 600; }
.words { font-weight: 400; }
.tree { font-family: ui-monospace, monospace; color: var(--quiet); white-space: pre; }
tr.rejected { color: var(--quiet); }
blockquote { margin: 0.5rem 0; padding-left: 0.8rem; border-left: 3px solid var(--grid); white-space: pre-wrap;
  overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.pair > div { background: var(--panel); border-radius: 6px; padding: 0.7rem; min-width: 0; }
.text { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24rem; overflow-y: auto; }
mark.new { background: var(--new-paper); color: var(--new); }
mark.gone { background: var(--gone-paper); color: var(--gone); }
code { background: var(--panel); overflow-wrap: anywhere; }
@media (max-width: 40rem) { .pair { grid-template-columns: 1fr; } }
@media print { .text { max-height: none; overflow: visible; } article { break-inside: avoid; } }
`;
