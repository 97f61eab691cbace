"""Plays a playlist in headless Chromium with video.js until it has come to a second; prints how far it came.

    play.py PAGE_URL PLAYLIST_URL SECONDS
"""

import json
import sys
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

page, playlist, wanted = sys.argv[1], sys.argv[2], float(sys.argv[3])
options = webdriver.ChromeOptions()
for option in ["--headless=new", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required",
               "--disable-dev-shm-usage"]:
    options.add_argument(option)
options.binary_location = "/usr/bin/chromium"
driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
try:
    driver.get(page)
    driver.execute_script(
        "const p = window.player = videojs('video'); p.muted(true);"
        "p.src({src: arguments[0], type: 'application/x-mpegURL'}); p.play();", playlist)
    state = {}
    for _ in range(240):
        state = driver.execute_script(
            "const p = window.player; return {time: p.currentTime(), error: p.error() && p.error().message,"
            " width: p.videoWidth(), duration: p.duration() === Infinity ? -1 : p.duration()};")
        if state["error"] or state["time"] >= wanted:
            break
        time.sleep(0.25)
    print(json.dumps(state))
    sys.exit(0 if not state["error"] and state["time"] >= wanted and state["width"] > 0 else 1)
finally:
    driver.quit()
