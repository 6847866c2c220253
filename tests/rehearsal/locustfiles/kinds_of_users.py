"""Several kinds of users: by weight, in a fixed number, and one that is never started."""

from locust import task
from pauses import Guest


class Student(Guest):
    weight = 3

    @task
    def see_the_events(self):
        self.look(name="/student")


class Teacher(Guest):
    weight = 1

    @task
    def see_the_events(self):
        self.look(name="/teacher")


class Organiser(Guest):
    fixed_count = 1

    @task
    def see_the_events(self):
        self.look(name="/organiser")


class Nobody(Guest):
    weight = 0

    @task
    def see_the_events(self):
        self.look(name="/nobody")
