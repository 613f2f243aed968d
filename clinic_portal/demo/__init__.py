"""The demo clinic: two facilities, their people, and a day in full swing whatever the hour.

`build.build_demo` makes it, or moves one that exists into today; `build.refresh_demo` only moves it. All people are
invented. Sits in the assembly tier: it writes the tables of every feature directly, and sends nobody a message.
"""
