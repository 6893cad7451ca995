"""Style sheet and filter script of the page (ours): inline, so that the page is one file."""

STYLE = """
:root { --ink: #1c2024; --soft: #60656c; --line: #e3e5e8; --paper: #ffffff; --ground: #f6f7f8; --wave: #7d8791;
  --unusable: #b93a12; --warning: #b07a00; --note: #1f6fb2; --fine: #14805e; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9aa1a9; --line: #2e3338; --paper: #1b1e21;
  --ground: #121416; --wave: #77818b; --unusable: #f0764c; --warning: #e0ab3a; --note: #6fb1ea; --fine: #4fc09a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; }
main, header > div { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { background: var(--paper); border-bottom: 1px solid var(--line); padding: 22px 0 14px; }
h1 { font-size: 20px; margin: 0; overflow-wrap: anywhere; }
h1 small { font-weight: 400; color: var(--soft); margin-left: 6px; }
p { margin: 4px 0; color: var(--soft); }
.bar { display: flex; height: 8px; border-radius: 4px; overflow: hidden; margin: 14px 0; gap: 1px; }
.bar i { background: var(--tone); }
.filters { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
button, input { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line);
  border-radius: 16px; padding: 4px 12px; }
button { cursor: pointer; }
button b { color: var(--tone); font-variant-numeric: tabular-nums; }
button[aria-pressed=true] { border-color: var(--tone, var(--ink));
  box-shadow: inset 0 0 0 1px var(--tone, var(--ink)); }
button:disabled { opacity: .45; cursor: default; }
input { flex: 1; min-width: 160px; }
details { margin-top: 10px; color: var(--soft); }
summary { cursor: pointer; }
td { padding: 1px 14px 1px 0; }
td:first-child { text-align: right; font-variant-numeric: tabular-nums; color: var(--ink); }
article { background: var(--paper); border: 1px solid var(--line); border-left: 4px solid var(--tone);
  border-radius: 6px; margin: 12px 0; padding: 12px 16px; display: grid; grid-template-columns: 512px minmax(0, 1fr);
  gap: 4px 22px;
  content-visibility: auto; contain-intrinsic-size: auto 150px; }
article[hidden] { display: none; }
article.bare { display: block; }
h2 { grid-column: 1 / -1; font-size: 14px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 small { font-weight: 400; color: var(--soft); margin-left: 8px; }
figure { margin: 0; }
.strip { position: relative; }
.strip::after { content: ""; position: absolute; inset: 0; background: repeating-linear-gradient(to right,
  transparent 0 calc(12.5% - 1px), var(--paper) calc(12.5% - 1px) 12.5%); }
figure img { display: block; width: 100%; border-radius: 3px; }
figure svg { display: block; width: 100%; height: 40px; margin-top: 4px; }
figure path { fill: var(--wave); }
.lost { fill: var(--warning); opacity: .28; }
figcaption { display: flex; justify-content: space-between; font-size: 11px; color: var(--soft); }
.none { display: grid; place-items: center; color: var(--soft); border: 1px dashed var(--line); border-radius: 3px;
  font-size: 12px; height: 40px; margin-top: 4px; }
.none.tall { height: 64px; margin: 0; }
ul { list-style: none; margin: 0; padding: 0; }
li { padding: 1px 0 1px 14px; position: relative; overflow-wrap: anywhere; }
li::before { content: ""; position: absolute; left: 0; top: 8px; width: 7px; height: 7px; border-radius: 50%;
  background: var(--tone); }
li b { color: var(--tone); font-weight: 600; }
.unusable { --tone: var(--unusable); } .warning { --tone: var(--warning); } .note { --tone: var(--note); }
.fine { --tone: var(--fine); }
.empty { text-align: center; padding: 40px; }
@media (max-width: 860px) { article { grid-template-columns: 1fr; } }
"""

SCRIPT = """
const files = [...document.querySelectorAll("article")], buttons = [...document.querySelectorAll("button")];
const words = document.querySelector("input"), empty = document.querySelector(".empty");
let shown = "";
function show() {
  const wanted = words.value.toLowerCase();
  let count = 0;
  for (const file of files) {
    file.hidden = (shown && !file.classList.contains(shown)) || !file.textContent.toLowerCase().includes(wanted);
    count += !file.hidden;
  }
  empty.hidden = count > 0;
}
for (const button of buttons) button.onclick = () => {
  shown = button.value;
  for (const other of buttons) other.setAttribute("aria-pressed", other === button);
  show();
};
words.oninput = show;
"""
