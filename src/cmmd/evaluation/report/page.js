for (const part of document.querySelectorAll(".part")) {
  const bar = part.querySelector(".sorting");
  const cards = part.querySelector(".cards");
  if (!bar || !cards) continue;
  const [select, button] = [bar.querySelector("select"), bar.querySelector("button")];
  const original = [...cards.children];
  let sign = 1;
  const sort = () => {
    const key = select.value;
    const place = (card) => (key in card.dataset ? sign * Number(card.dataset[key]) : Infinity);
    const order = key ? [...original].sort((a, b) => place(a) - place(b) || 0) : original;
    cards.replaceChildren(...order);
  };
  select.addEventListener("change", sort);
  button.addEventListener("click", () => {
    sign = -sign;
    button.textContent = sign > 0 ? "lowest first" : "highest first";
    sort();
  });
  bar.hidden = false;
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
