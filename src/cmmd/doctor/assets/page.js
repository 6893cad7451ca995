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
