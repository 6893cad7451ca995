// Connects the elements of result.html. The page replaces its HTML at any time, so all listeners are on the document.
(() => {
  "use strict";
  const within = (element, selector) => element.closest(".cmmd-result")?.querySelector(selector);

  const play = (result, source) => {
    const video = result.querySelector(".cmmd-video");
    if (video.getAttribute("src") === source) return;
    const time = video.currentTime, playing = !video.paused;
    video.src = source;
    video.addEventListener("loadedmetadata", () => {
      video.currentTime = Math.min(time, video.duration || time);
      if (playing) video.play().catch(() => {});
    }, { once: true });
  };

  const press = (group, selector, chosen) => {
    for (const button of group.querySelectorAll(selector)) button.setAttribute("aria-pressed", String(button === chosen));
  };

  const selected = (result) => result.querySelector('.cmmd-take[data-selected="true"]');

  const choose = (button) => {
    const result = button.closest(".cmmd-result"), take = button.closest(".cmmd-take");
    for (const other of result.querySelectorAll(".cmmd-take")) other.dataset.selected = String(other === take);
    press(result, ".cmmd-choose", button);
    press(result, "[data-plays]", result.querySelector('[data-plays="take"]'));
    result.querySelector(".cmmd-timeline img").src = take.dataset.picture;
    play(result, take.dataset.video);
  };

  const compare = (button) => {
    const result = button.closest(".cmmd-result"), group = button.closest(".cmmd-switch");
    press(group, "[data-plays]", button);
    play(result, button.dataset.plays === "original" ? group.dataset.original : selected(result).dataset.video);
  };

  const seek = (timeline, event) => {
    const video = within(timeline, ".cmmd-video"), box = timeline.getBoundingClientRect();
    const left = Number(timeline.dataset.left), right = Number(timeline.dataset.right);
    const part = ((event.clientX - box.left) / box.width - left) / (right - left);
    if (video?.duration) video.currentTime = Math.min(1, Math.max(0, part)) * video.duration;
  };

  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target.closest?.(selector);
    if (hit(".cmmd-choose")) choose(hit(".cmmd-choose"));
    else if (hit("[data-plays]")) compare(hit("[data-plays]"));
    else if (hit(".cmmd-timeline")) seek(hit(".cmmd-timeline"), event);
  });

  // Several times a second while something plays: `timeupdate` alone comes four times a second.
  const move = () => {
    for (const timeline of document.querySelectorAll(".cmmd-timeline")) {
      const video = within(timeline, ".cmmd-video"), head = timeline.querySelector(".cmmd-playhead");
      if (!video?.duration || !head) continue;
      const left = Number(timeline.dataset.left), right = Number(timeline.dataset.right);
      head.style.left = `${100 * (left + (right - left) * Math.min(1, video.currentTime / video.duration))}%`;
      head.style.opacity = video.currentTime > 0 || !video.paused ? 1 : 0;
    }
    requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
})();
